package main

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"shmbus/topics"
)

// What top's table can be sorted by, in the order of the keys 1 to 5.
var topSorts = []string{"name", "rate", "bytes", "lag", "lost"}

// A topModel is all that top shows and how keys change it. It knows no terminal and no bus: samples and keys go in, a screen comes out.
type topModel struct {
	width, height int
	dir           string // of the bus
	at            time.Time
	seen          map[string]topRow
	started       bool // there was a sample
	absent        bool
	trouble       string

	sort     int // in topSorts
	reverse  bool
	filter   string
	editing  bool            // the filter
	internal bool            // topics that begin with '$' are shown
	cursor   string          // the topic under it; "" for the top row
	first    int             // row on the screen
	shown    map[string]bool // topics on the screen
	paused   bool
	help     bool

	open   string // the topic that is looked at, or ""
	detail topDetail
}

// add takes a sample.
func (m *topModel) add(s topSample) {
	dt := time.Duration(0)
	if m.started {
		dt = s.at.Sub(m.at)
	}
	next := make(map[string]topRow, len(s.topics))
	for _, t := range s.topics {
		was, known := m.seen[t.Name]
		next[t.Name] = was.next(t, dt, !known)
	}
	m.seen, m.at, m.started, m.absent, m.trouble = next, s.at, true, s.absent, s.trouble
}

// rows is the topics that the filter lets through, sorted.
func (m *topModel) rows() []topRow {
	var all []topRow
	match := m.matcher()
	for name, r := range m.seen {
		if match(name) {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, m.compare)
	return all
}

// matcher is the filter: a pattern if it has a '*', or else a part of the name, in whatever case.
func (m *topModel) matcher() func(string) bool {
	if strings.Contains(m.filter, "*") {
		if p, err := topics.ParsePattern(m.filter); err == nil {
			return p.Match
		}
	}
	part := strings.ToLower(m.filter)
	internal := m.internal || strings.HasPrefix(m.filter, "$")
	return func(name string) bool {
		return (internal || !strings.HasPrefix(name, "$")) && strings.Contains(strings.ToLower(name), part)
	}
}

// compare sorts names upwards and numbers downwards, and the other way round if that is wanted. Equal numbers are sorted by name.
func (m *topModel) compare(a, b topRow) int {
	c := 0
	switch topSorts[m.sort] {
	case "rate":
		c = cmp.Compare(b.frames, a.frames)
	case "bytes":
		c = cmp.Compare(b.bytes, a.bytes)
	case "lag":
		if c = cmp.Compare(b.lagShare(), a.lagShare()); c == 0 {
			c = cmp.Compare(b.lag, a.lag)
		}
	case "lost":
		c = cmp.Compare(b.lost, a.lost)
	default:
		c = strings.Compare(a.Name, b.Name)
	}
	if m.reverse {
		c = -c
	}
	if c == 0 {
		c = strings.Compare(a.Name, b.Name)
	}
	return c
}

// row is the number of the row under the cursor. A topic that is gone leaves it at the top.
func (m *topModel) row(rows []topRow) int {
	return max(0, slices.IndexFunc(rows, func(r topRow) bool { return r.Name == m.cursor }))
}

// move moves the cursor.
func (m *topModel) move(by int) {
	rows := m.rows()
	if len(rows) == 0 {
		return
	}
	m.cursor = rows[max(0, min(m.row(rows)+by, len(rows)-1))].Name
}

// What the program has to do after a key.
type topAction int

const (
	topNothing topAction = iota
	topQuit
	topInterrupt // quit, as by the signal that the key sends elsewhere
	topLook      // at the open topic, at once
	topResume    // look at everything
	topSuspend   // until the shell lets it go on
)

// key is a key that was pressed, as Bubble Tea names it; typed is the text that it stands for.
func (m *topModel) key(name, typed string) topAction {
	switch name {
	case "ctrl+c":
		return topInterrupt
	case "ctrl+z":
		return topSuspend
	}
	if m.editing {
		m.edit(name, typed)
		return topNothing
	}
	if m.help { // any key ends it
		m.help = false
		return topNothing
	}
	switch name {
	case "q":
		return topQuit
	case "?", "h", "f1":
		m.help = true
	case "p", "space":
		if m.paused = !m.paused; !m.paused {
			return topResume
		}
	case "esc", "backspace":
		if m.open == "" {
			m.filter = ""
		}
		m.close()
	default:
		if m.open == "" {
			return m.tableKey(name)
		}
	}
	return topNothing
}

func (m *topModel) tableKey(name string) topAction {
	page := max(1, m.height-topFrame)
	switch name {
	case "s", "right", "tab":
		m.sortBy(m.sort + 1)
	case "left", "shift+tab":
		m.sortBy(m.sort + len(topSorts) - 1)
	case "1", "2", "3", "4", "5":
		m.sortBy(int(name[0] - '1'))
	case "r":
		m.reverse = !m.reverse
	case "/":
		m.editing = true
	case "$":
		m.internal = !m.internal
	case "up", "k":
		m.move(-1)
	case "down", "j":
		m.move(1)
	case "pgup", "ctrl+b":
		m.move(-page)
	case "pgdown", "ctrl+f":
		m.move(page)
	case "home", "g":
		m.cursor = ""
	case "end", "G":
		m.move(len(m.seen))
	case "enter":
		if rows := m.rows(); len(rows) > 0 {
			m.open = rows[m.row(rows)].Name
			m.cursor = m.open
			m.detail = topDetail{}
			return topLook
		}
	}
	return topNothing
}

// sortBy sorts by another column, in its own direction.
func (m *topModel) sortBy(column int) {
	m.sort, m.reverse = column%len(topSorts), false
}

// edit changes the filter. It has its effect while it is typed.
func (m *topModel) edit(name, typed string) {
	switch name {
	case "enter":
		m.editing = false
	case "esc":
		m.editing, m.filter = false, ""
	case "backspace":
		if r := []rune(m.filter); len(r) > 0 {
			m.filter = string(r[:len(r)-1])
		}
	case "ctrl+u":
		m.filter = ""
	default:
		m.filter = printable(m.filter + typed)
	}
}

// close goes back from a topic to the table.
func (m *topModel) close() {
	m.open, m.detail = "", topDetail{}
}

// printable is s as it may be shown on a terminal, and not longer than a topic's name may be.
func printable(s string) string {
	return string(appendEscaped(nil, []byte(s[:min(len(s), topics.MaxName)])))
}
