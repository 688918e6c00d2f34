package report

import (
	"fmt"
	"slices"
	"strings"
)

// A Session is when, where and how something was measured.
type Session struct {
	Date     string            `json:"date"`
	Machine  map[string]string `json:"machine"`
	Versions map[string]string `json:"versions"`
	Rounds   int               `json:"rounds"`
	RunTime  string            `json:"run_time"` // of one contender in one round
	Took     string            `json:"took"`
	Skipped  []Skipped         `json:"skipped,omitempty"`
}

// Keep takes over from an older result the cells and series that r has not, with the session each of them is of. A cell or a series is taken as
// a whole, because its ratios are taken within its rounds; one that there is no more is left behind.
func (r *Result) Keep(old *Result) {
	was := old.Session
	from := func(s **Session) {
		if *s == nil {
			*s = &was
		}
	}
	var tables []Table
	for _, c := range Cells() {
		tables = take(tables, r.Tables, old.Tables, func(t Table) bool { return t.Cell == c }, func(t *Table) { from(&t.Earlier) })
	}
	var growth []Growth
	for _, k := range kinds {
		growth = take(growth, r.Growth, old.Growth, func(g Growth) bool { return g.Name == k.name }, func(g *Growth) { from(&g.Earlier) })
	}
	r.Tables, r.Growth = tables, growth
}

// take adds to all the part that is meant: the measured one, or else the old one, marked as such.
func take[P any](all, measured, old []P, is func(P) bool, mark func(*P)) []P {
	if i := slices.IndexFunc(measured, is); i >= 0 {
		return append(all, measured[i])
	}
	if i := slices.IndexFunc(old, is); i >= 0 {
		p := old[i]
		mark(&p)
		all = append(all, p)
	}
	return all
}

// versions are all of them. That of shmbus is what the figures are of: where it was not noted, that is said.
func (s *Session) versions() string {
	all := sorted(s.Versions)
	if s.Versions["shmbus"] == "" {
		all = append(all, "shmbus: unknown: it was not noted")
	}
	return strings.Join(all, "; ")
}

// text is the session in a line.
func (s *Session) text() string {
	words := []string{
		fmt.Sprintf("%s, in %s: %d rounds, %s a turn", s.Date, s.Took, s.Rounds, s.RunTime),
		"machine: " + strings.Join(sorted(s.Machine), "; "), "versions: " + s.versions(),
	}
	for _, k := range s.Skipped {
		words = append(words, fmt.Sprintf("skipped: %s (%s)", k.Name, k.Why))
	}
	if s.Rounds < verdictRounds {
		words = append(words, fmt.Sprintf("fewer than %d rounds: an impression, no verdict", verdictRounds))
	}
	return strings.Join(words, ". ")
}

// kept is what is of one earlier session.
type kept struct {
	*Session
	names []string // of cells and series
}

// earlier are the sessions that parts of the result are of, besides its own, with those parts.
func (r *Result) earlier() (all []*kept) {
	add := func(name string, s *Session) {
		if s == nil {
			return
		}
		i := slices.IndexFunc(all, func(k *kept) bool { return k.text() == s.text() })
		if i < 0 {
			i = len(all)
			all = append(all, &kept{Session: s})
		}
		all[i].names = append(all[i].names, name)
	}
	for i := range r.Tables {
		add(r.Tables[i].Cell.Name(), r.Tables[i].Earlier)
	}
	for i := range r.Growth {
		add(r.Growth[i].Name, r.Growth[i].Earlier)
	}
	return all
}

// remarks say which parts are not of the result's own session.
func (r *Result) remarks() (all []string) {
	for _, k := range r.earlier() {
		all = append(all, fmt.Sprintf("Of another session, and kept from it: %s. Measured %s.", strings.Join(k.names, ", "), k.text()))
	}
	return all
}
