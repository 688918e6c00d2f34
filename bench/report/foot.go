package report

import (
	"fmt"
	"slices"
	"strings"
)

// What stands below a plot says when and where its figures were measured: plots are looked at without the page around them.

// foot is that of one measurement: at a date, in so many rounds, on the machine of a session.
func foot(date string, rounds int, s *Session) string {
	said := fmt.Sprintf("%s, %d rounds", date, rounds)
	if cpu := s.Machine["processor"]; cpu != "" {
		said += ", " + cpu
	}
	if n := s.Machine["CPUs"]; n != "" {
		said += ", " + n + " CPUs"
	}
	return said
}

// session is that of a part of a result: an earlier one, or the result's own.
func session(earlier, own *Session) *Session {
	if earlier != nil {
		return earlier
	}
	return own
}

func (g *Growth) foot(own *Session) string { return foot(g.Date, g.Rounds, session(g.Earlier, own)) }

// feet are those of panels, each with the titles of the panels that it is of, if there are several.
func feet(all []panel, own *Session) (lines []string) {
	var of [][]string
	for _, n := range all {
		s := session(n.table.Earlier, own)
		line := foot(s.Date, s.Rounds, s)
		i := slices.Index(lines, line)
		if i < 0 {
			i, lines, of = len(lines), append(lines, line), append(of, nil)
		}
		title, _, _ := strings.Cut(n.title, ",")
		of[i] = append(of[i], title)
	}
	if len(lines) > 1 {
		for i := range lines {
			lines[i] = strings.Join(of[i], ", ") + ": " + lines[i]
		}
	}
	return lines
}

// footHigh is what so many lines take.
func footHigh(lines []string) int { return 18 + footLine*len(lines) }

// foot draws the lines below y.
func (p *picture) foot(y float64, lines []string) {
	for i, s := range lines {
		p.ink(12, y+float64(20+footLine*i), "start", faintColour, s)
	}
}
