package main

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// topFrame is how many lines of the screen are not rows of the table: title, headings, what is wrong or filtered, and keys.
const topFrame = 4

// SGR sequences. On terminals without colours, and with NO_COLOR, Bubble Tea leaves the colours out and keeps the rest.
const (
	styleTitle = "\x1b[1m"
	styleHead  = "\x1b[1;36m"
	styleDim   = "\x1b[2m"
	styleHere  = "\x1b[7m"
	styleSpark = "\x1b[36m"
	styleWarn  = "\x1b[33m"
	styleBad   = "\x1b[31m"
	styleEnd   = "\x1b[0m"
)

func styled(style, s string) string {
	if style == "" || s == "" {
		return s
	}
	return style + s + styleEnd
}

func styleIf(b bool, style string) string {
	if b {
		return style
	}
	return ""
}

func lagStyle(share int) string {
	if share >= 90 {
		return styleBad
	}
	return styleIf(share >= 50, styleWarn)
}

// left is s in exactly width columns.
func left(s string, width int) string {
	if width <= 0 {
		return ""
	}
	s = ansi.Truncate(s, width, "…")
	return s + strings.Repeat(" ", max(0, width-ansi.StringWidth(s)))
}

// middle is s without so much of its middle that width columns hold it: topics that lie together differ at the end.
func middle(s string, width int) string {
	over := ansi.StringWidth(s) - width
	if over <= 0 || width < 3 {
		return s
	}
	head := (width - 1) / 2
	return ansi.Truncate(s, head, "") + ansi.TruncateLeft(s, head+over+1, "…")
}

// right is s in exactly width columns, at their right.
func right(s string, width int) string {
	if width <= 0 {
		return ""
	}
	s = ansi.Truncate(s, width, "…")
	return strings.Repeat(" ", max(0, width-ansi.StringWidth(s))) + s
}

// view is the screen: lines that fit, each not wider than it.
func (m *topModel) view() string {
	if m.width < 1 || m.height < 1 {
		return ""
	}
	var lines []string
	switch {
	case m.help:
		lines = m.helpLines()
	case m.open != "":
		lines = m.detailLines()
	default:
		lines = m.tableLines()
	}
	if len(lines) > m.height {
		lines = lines[:m.height]
	}
	for i, l := range lines {
		lines[i] = ansi.Truncate(l, m.width, "")
	}
	return strings.Join(lines, "\n")
}

func (m *topModel) tableLines() []string {
	rows := m.rows()
	room := m.height
	title, foot := room >= 3, room >= 6 // a small screen is for the rows
	var lines []string
	if title {
		lines = append(lines, m.title(rows))
		room--
	}
	if len(rows) == 0 {
		lines = append(lines, "", m.nothing())
		room -= 2
	} else {
		columns, gap := m.layout(rows)
		if m.height >= 2 {
			lines = append(lines, m.headings(columns, gap))
			room--
		}
		if foot {
			room -= 2
		}
		here := m.row(rows)
		m.first = max(0, min(m.first, here, len(rows)-room))
		m.first = max(m.first, here-room+1)
		m.shown = make(map[string]bool)
		for i := m.first; i < min(len(rows), m.first+room); i++ {
			m.shown[rows[i].Name] = true
			lines = append(lines, m.line(columns, gap, &rows[i], i == here))
		}
		room -= min(room, len(rows)-m.first)
		if foot {
			room += 2
		}
	}
	if foot {
		for ; room > 2; room-- {
			lines = append(lines, "")
		}
		lines = append(lines, m.remark(rows), m.keys("s sort  r reverse  / filter  ↵ open  p pause  ? help  q quit"))
	}
	return lines
}

// title says which bus it is, and what goes on on it.
func (m *topModel) title(rows []topRow) string {
	frames, bytes := 0.0, 0.0
	for _, r := range rows {
		frames += max(0, r.frames)
		bytes += max(0, r.bytes)
	}
	state := m.at.Format("15:04:05")
	if !m.started {
		state = ""
	}
	if m.paused {
		state = "PAUSED"
	}
	l := styled(styleTitle, "buscat top") + "  " + printable(m.dir)
	r := fmt.Sprintf("%s  %s frames/s  %s/s  %s", count(len(rows), "topic"), short(frames), shortBytes(bytes), state)
	space := m.width - ansi.StringWidth(l) - ansi.StringWidth(r)
	if space < 2 { // rather the numbers than the directory
		return left(l, max(10, m.width-ansi.StringWidth(r)-2)) + "  " + r
	}
	return l + strings.Repeat(" ", space) + r
}

// nothing says why there is no row.
func (m *topModel) nothing() string {
	switch {
	case !m.started:
		return "looking ..."
	case m.absent:
		return "waiting for the bus: " + printable(m.dir) + " is not there yet"
	case len(m.seen) == 0 && m.trouble != "":
		return "no topics could be seen on " + printable(m.dir)
	case len(m.seen) == 0:
		return "waiting for topics: there are none on " + printable(m.dir)
	case m.filter != "":
		return fmt.Sprintf("none of %s matches; esc shows all", count(len(m.seen), "topic"))
	}
	return fmt.Sprintf("%s of the bus's own: $ shows them", count(len(m.seen), "topic"))
}

func (m *topModel) headings(columns []topColumn, gap int) string {
	var b strings.Builder
	b.WriteString("  ")
	for i, c := range columns {
		if c.width == 0 {
			continue
		}
		style := styleDim
		if c.sort == m.sort {
			style = styleHead
		}
		cell := right(c.title, c.width)
		if i == topName || i == topSpark {
			cell = left(c.title, c.width)
		}
		b.WriteString(styled(style, cell) + strings.Repeat(" ", gap))
	}
	return strings.TrimRight(b.String(), " ")
}

// line is a row of the table.
func (m *topModel) line(columns []topColumn, gap int, r *topRow, here bool) string {
	var b strings.Builder
	mark := "  "
	if here {
		mark = "› "
	}
	b.WriteString(mark)
	first := true
	for i, c := range columns {
		if c.width == 0 {
			continue
		}
		if !first {
			b.WriteString(strings.Repeat(" ", gap))
		}
		first = false
		text, style := c.cell(r)
		switch i {
		case topName:
			text = left(middle(text, c.width), c.width)
		case topSpark:
			text = sparkline(r.rates, c.width)
		default:
			text = right(text, c.width)
		}
		if here {
			style = ""
		}
		b.WriteString(styled(style, text))
	}
	if here {
		return styled(styleHere, left(b.String(), m.width))
	}
	return b.String()
}

// remark is the line above the keys: the filter that is being typed, what is wrong, or how the table came to be.
func (m *topModel) remark(rows []topRow) string {
	switch {
	case m.editing:
		return "/" + m.filter + "▏" + styled(styleDim, "  a part of the name, or a pattern with *; enter keeps it, esc drops it")
	case m.trouble != "":
		return styled(styleBad, printableLine(m.trouble))
	}
	arrow := "▼"
	if (m.sort == 0) != m.reverse {
		arrow = "▲"
	}
	s := "by " + topSorts[m.sort] + " " + arrow
	if m.filter != "" {
		s += "  filter " + m.filter
	}
	if n := len(m.seen) - len(rows); n > 0 {
		s += fmt.Sprintf("  (%d not shown)", n)
	}
	if n := len(m.shown); n < len(rows) {
		s += fmt.Sprintf("  rows %d to %d of %d", m.first+1, m.first+n, len(rows))
	}
	return styled(styleDim, s)
}

func (m *topModel) keys(s string) string { return styled(styleDim, s) }

// printableLine is a text of several lines as one.
func printableLine(s string) string {
	return string(appendEscaped(nil, []byte(strings.ReplaceAll(s, "\n", "; "))))
}

func (m *topModel) helpLines() []string {
	return append([]string{styled(styleTitle, "buscat top"), ""}, strings.Split(topKeys, "\n")...)
}

// topKeys is what the keys do, for --help and for the screen.
const topKeys = `  s, left, right   sort by the next or previous of: name, rate, bytes, lag, lost
  1 2 3 4 5        sort by that one
  r                reverse the order
  /                show only topics with a text in their names, or that match a
                   pattern with *; esc shows all again
  $                show and hide topics that begin with '$', the bus's own
  up, down, pgup, pgdown, home, end (or k, j, g, G)   move
  enter            look at the topic: who publishes, who reads, its newest frames
  esc              back
  p                pause, and go on
  ?                this
  q                quit
  ctrl-c           quit, with exit code 130
  ctrl-z           suspend; fg goes on`
