//go:build !linux

package plugins

// Reserve does nothing: runners need Linux.
func (n Nook) Reserve() error { return nil }

// WriteState writes state.json.
func (n Nook) WriteState(s State) error { return WriteJSON(n.State(), s) }
