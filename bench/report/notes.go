package report

func subscribersNotes(g *Growth) []string { return nil }
func topicsNotes(g *Growth) []string      { return nil }
func attachNotes(g *Growth) []string      { return nil }
func blockedNotes(g *Growth) []string     { return nil }
func ringsNotes(g *Growth) []string       { return nil }
func framesNotes(g *Growth) []string      { return nil }
func waitingNotes(g *Growth) []string     { return nil }
func tailNotes(g *Growth) []string        { return nil }
