package main

import (
	"fmt"

	"github.com/charmbracelet/x/ansi"
)

// A topColumn is a column of the table.
type topColumn struct {
	title string
	width int
	sort  int // in topSorts, or -1
	cell  func(r *topRow) (text string, style string)
}

// Indices of the columns whose width depends on the screen's.
const (
	topName  = 0
	topSpark = 3
)

// topColumns are the columns from left to right.
func topColumns() []topColumn {
	plain := func(f func(r *topRow) string) func(*topRow) (string, string) {
		return func(r *topRow) (string, string) { return f(r), "" }
	}
	return []topColumn{
		{"TOPIC", 12, 0, plain(func(r *topRow) string { return printable(r.Name) })},
		{"FRAMES/S", 8, 1, plain(func(r *topRow) string { return short(r.frames) })},
		{"BYTES/S", 8, 2, plain(func(r *topRow) string {
			if r.frames < 0 {
				return "-"
			}
			return shortBytes(r.bytes)
		})},
		{"RATE", 8, -1, func(r *topRow) (string, string) { return "", styleSpark }}, // drawn by line, which knows the width
		{"PUB", 3, -1, plain(func(r *topRow) string { return fmt.Sprint(r.Publishers) })},
		{"SUB", 3, -1, plain(func(r *topRow) string { return fmt.Sprint(r.Subscribers) })},
		{"LAG", 6, 3, func(r *topRow) (string, string) { return short(float64(r.lag)), lagStyle(r.lagShare()) }},
		{"LAG%", 4, 3, func(r *topRow) (string, string) { return fmt.Sprintf("%d%%", r.lagShare()), lagStyle(r.lagShare()) }},
		{"LOST", 6, 4, func(r *topRow) (string, string) { return short(float64(r.lost)), styleIf(r.losing, styleBad) }},
		{"BLOCKED", 7, -1, func(r *topRow) (string, string) { return shortTime(r.blocked), styleIf(r.waiting, styleWarn) }},
	}
}

// topDrops is the order in which columns go when the screen is too narrow.
var topDrops = []string{"BLOCKED", "RATE", "LAG", "PUB", "LOST", "SUB", "LAG%", "BYTES/S"}

// layout chooses the columns for the screen's width: the name has what it needs, up to a half, and the sparkline what is left.
func (m *topModel) layout(rows []topRow) (columns []topColumn, gap int) {
	columns, gap = topColumns(), 1
	if m.width >= 100 {
		gap = 2
	}
	for _, name := range topDrops {
		if columnsWidth(columns, gap) <= m.width {
			break
		}
		for i := range columns {
			if columns[i].title == name {
				columns[i].width = 0
			}
		}
	}
	wish := columns[topName].width
	for _, r := range rows {
		wish = max(wish, ansi.StringWidth(printable(r.Name)))
	}
	spare := m.width - columnsWidth(columns, gap)
	if spare <= 0 { // not even the least
		columns[topName].width = max(1, columns[topName].width+spare)
		return columns, gap
	}
	if columns[topSpark].width == 0 {
		columns[topName].width += min(spare, wish-columns[topName].width)
		return columns, gap
	}
	more := max(0, min(spare, wish-columns[topName].width, m.width/2))
	columns[topName].width += more
	columns[topSpark].width = min(topHistory, columns[topSpark].width+spare-more)
	return columns, gap
}

// columnsWidth is the width of a line, with its mark.
func columnsWidth(columns []topColumn, gap int) int {
	n := 2 - gap
	for _, c := range columns {
		if c.width > 0 {
			n += c.width + gap
		}
	}
	return n
}
