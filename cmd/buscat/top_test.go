package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"shmbus/bus"
)

// aTopic is a topic as a sample has it.
func aTopic(name string, frames, bytes uint64) topTopic {
	return topTopic{TopicInfo: bus.TopicInfo{Name: name, Made: time.Unix(1, 0), Slots: 1000, Frames: frames, Bytes: bytes, Publishers: 1}}
}

// sampled is a model that has seen two samples, a second apart.
func sampled(width, height int) *topModel {
	m := &topModel{dir: "/bus", width: width, height: height, sort: slices.Index(topSorts, "name")}
	start := time.Unix(1000, 0)
	m.add(topSample{at: start, topics: []topTopic{aTopic("a/slow", 0, 0), aTopic("b/fast", 10, 100), aTopic("c/big", 5, 5), aTopic("$own", 0, 0)}})
	slow, fast, big, own := aTopic("a/slow", 2, 20), aTopic("b/fast", 2010, 2100), aTopic("c/big", 15, 5<<20+5), aTopic("$own", 9000, 9000)
	slow.Subscribers, slow.lag, slow.lost = 1, 900, 3
	big.lag, big.blocked = 500, 1500*time.Millisecond
	m.add(topSample{at: start.Add(time.Second), topics: []topTopic{slow, fast, big, own}})
	return m
}

// screen is what is on the screen, without colours.
func screen(m *topModel) string { return ansi.Strip(m.view()) }

// order is the topics on the screen, from top to bottom.
func order(m *topModel) string {
	var names []string
	for _, line := range strings.Split(screen(m), "\n") {
		for _, name := range []string{"a/slow", "b/fast", "c/big", "$own"} {
			if strings.HasPrefix(strings.TrimLeft(line, "› "), name) {
				names = append(names, name)
			}
		}
	}
	return strings.Join(names, " ")
}

// press presses keys: single characters, or names in angle brackets.
func press(m *topModel, keys ...string) (last topAction) {
	for _, k := range keys {
		text := ""
		if len([]rune(k)) == 1 {
			text = k
		}
		last = m.key(k, text)
	}
	return last
}

func TestTopShowsRatesLagAndLoss(t *testing.T) {
	m := sampled(80, 10)
	want := []string{
		"buscat top  /bus                  3 topics  2.01k frames/s  5.00 MiB/s  " + m.at.Format("15:04:05"),
		"  TOPIC        FRAMES/S  BYTES/S RATE          PUB SUB    LAG LAG%   LOST BLOCKED",
		"› a/slow              2     20 B             █   1   1    900  90%      3       0",
		"  b/fast          2.00k 1.95 KiB             █   1   0      0   0%      0       0",
		"  c/big              10   5.00 MiB           █   1   0    500  50%      0    1.5s",
		"", "", "",
		"by name ▲  (1 not shown)",
		"s sort  r reverse  / filter  ↵ open  p pause  ? help  q quit",
	}
	got := strings.Split(screen(m), "\n")
	if len(got) != len(want) {
		t.Fatalf("%d lines:\n%s", len(got), screen(m))
	}
	for i := range want {
		if strings.Join(strings.Fields(got[i]), " ") != strings.Join(strings.Fields(want[i]), " ") {
			t.Errorf("line %d:\n got %q\nwant %q", i, got[i], want[i])
		}
	}
	// Columns stand below each other.
	for _, heading := range []string{"FRAMES/S", "BYTES/S", "PUB", "LAG%", "LOST", "BLOCKED"} {
		end := ansi.StringWidth(got[1][:strings.Index(got[1], heading)+len(heading)])
		for _, line := range got[2:5] {
			if last, after := ansi.Cut(line, end-1, end), ansi.Cut(line, end, end+1); last == " " || strings.Trim(after, " ") != "" {
				t.Errorf("%s ends at %d, and in %q %q is there and %q behind it", heading, end, line, last, after)
			}
		}
	}
	if v := m.view(); !strings.Contains(v, styleHere+"› a/slow") {
		t.Errorf("the cursor is not to be seen: %q", v)
	}
	if press(m, "down"); !strings.Contains(m.view(), styled(styleBad, "     3")) {
		t.Errorf("the loss is not to be seen: %q", m.view())
	}
}

func TestTopSortsByEachColumnAndBack(t *testing.T) {
	m := sampled(100, 12)
	for _, c := range []struct{ key, want string }{
		{"1", "a/slow b/fast c/big"},
		{"2", "b/fast c/big a/slow"},
		{"r", "a/slow c/big b/fast"},
		{"3", "c/big b/fast a/slow"},
		{"4", "a/slow c/big b/fast"},
		{"5", "a/slow b/fast c/big"},
		{"r", "b/fast c/big a/slow"},
		{"s", "a/slow b/fast c/big"}, // round to the names, in their own order
		{"right", "b/fast c/big a/slow"},
		{"left", "a/slow b/fast c/big"},
		{"left", "a/slow b/fast c/big"},
		{"r", "b/fast c/big a/slow"},
		{"$", "$own b/fast c/big a/slow"},
		{"2", "$own b/fast c/big a/slow"},
		{"$", "b/fast c/big a/slow"},
	} {
		if press(m, c.key); order(m) != c.want {
			t.Errorf("after %s: %s, want %s\n%s", c.key, order(m), c.want, screen(m))
		}
	}
}

func TestTopFiltersByTextAndPattern(t *testing.T) {
	m := sampled(100, 12)
	for _, c := range []struct{ filter, want string }{
		{"FA", "b/fast"},
		{"/", "a/slow b/fast c/big"},
		{"*/*", "a/slow b/fast c/big"},
		{"a/**", "a/slow"},
		{"**", "a/slow b/fast c/big"},
		{"$", "$own"},
		{"$*", "$own"},
		{"no", ""},
		{"a//*", ""},
		{"", "a/slow b/fast c/big"},
	} {
		press(m, "/")
		for _, r := range c.filter {
			press(m, string(r))
		}
		if !strings.Contains(screen(m), "/"+c.filter) {
			t.Errorf("the filter is not to be seen while it is typed:\n%s", screen(m))
		}
		if press(m, "enter"); order(m) != c.want {
			t.Errorf("filter %q: %s, want %s", c.filter, order(m), c.want)
		}
		press(m, "esc")
	}
	press(m, "/", "q", "?", "backspace", "enter") // keys are text there
	if m.filter != "q" || !strings.Contains(screen(m), "none of 4 topics matches") {
		t.Errorf("filter %q:\n%s", m.filter, screen(m))
	}
	if press(m, "/", "esc"); m.filter != "" {
		t.Errorf("esc leaves the filter %q", m.filter)
	}
	m.editing = true
	if m.edit("", "a\x1b[2J\n"); strings.ContainsAny(screen(m), "\x1b") || strings.ContainsRune(m.filter, '\n') {
		t.Errorf("pasted control bytes come onto the screen: %q", m.filter)
	}
}

func TestTopKeepsTheCursorOnItsTopicAndInSight(t *testing.T) {
	m := &topModel{width: 60, height: 10}
	add := func(n int) {
		var all []topTopic
		for i := range n {
			all = append(all, aTopic(fmt.Sprintf("t%03d", i), 0, 0))
		}
		m.add(topSample{at: m.at.Add(time.Second), topics: all})
	}
	add(100)
	marked := func() string {
		for _, line := range strings.Split(screen(m), "\n") {
			if rest, ok := strings.CutPrefix(line, "› "); ok {
				return rest[:4]
			}
		}
		return ""
	}
	for _, c := range []struct{ key, want string }{
		{"down", "t001"},
		{"up", "t000"},
		{"up", "t000"},
		{"pgdown", "t006"},
		{"end", "t099"},
		{"down", "t099"},
		{"pgup", "t093"},
		{"k", "t092"},
		{"home", "t000"},
		{"G", "t099"},
	} {
		if press(m, c.key); marked() != c.want {
			t.Errorf("after %s the cursor is on %q, want %q\n%s", c.key, marked(), c.want, screen(m))
		}
	}
	for _, c := range []struct{ key, want string }{{"home", "rows 1 to 6 of 100"}, {"pgdown", "rows 2 to 7 of 100"}, {"end", "rows 95 to 100 of 100"}} {
		if press(m, c.key); !strings.Contains(screen(m), c.want) {
			t.Errorf("after %s there is no %q\n%s", c.key, c.want, screen(m))
		}
	}
	if press(m, "r"); marked() != "t099" {
		t.Errorf("after sorting it is on %q", marked())
	}
	if add(50); marked() != "t049" { // its topic is gone: the top row, in reverse order
		t.Errorf("it is on %q", marked())
	}
	if m.add(topSample{at: m.at.Add(time.Second)}); marked() != "" || !strings.Contains(screen(m), "waiting for topics") {
		t.Errorf("without topics:\n%s", screen(m))
	}
	if m.add(topSample{at: m.at.Add(time.Second), absent: true}); !strings.Contains(screen(m), "is not there yet") {
		t.Errorf("without a bus:\n%s", screen(m))
	}
	if m.add(topSample{at: m.at.Add(time.Second), trouble: "a\nb\x1b"}); !strings.Contains(screen(m), `a; b\x1b`) || strings.Contains(screen(m), "there are none") {
		t.Errorf("with an error:\n%s", screen(m))
	}
}

func TestTopIsSuspendedWhateverItShows(t *testing.T) {
	for _, keys := range [][]string{{}, {"?"}, {"/", "x"}, {"enter"}, {"p"}} {
		m := sampled(80, 24)
		press(m, keys...)
		was := screen(m)
		if got := press(m, "ctrl+z"); got != topSuspend || screen(m) != was {
			t.Errorf("after %v ctrl-z is %v, and the screen\n%s", keys, got, screen(m))
		}
	}
	if m := sampled(80, 24); strings.Contains(screen(m), "rows") {
		t.Errorf("all rows are there:\n%s", screen(m))
	}
}

func TestTopTellsLongNamesApart(t *testing.T) {
	m := &topModel{dir: "/bus", width: 60, height: 10}
	var all []topTopic
	for _, end := range []string{"1", "27", "世"} {
		all = append(all, aTopic("site/building/floor/room/sensors/temperature/"+end, 0, 0))
	}
	m.add(topSample{at: time.Unix(1000, 0), topics: all})
	for _, want := range []string{" site/b…ture/1 ", " site/b…ure/27 ", " site/b…ure/世 "} {
		if !strings.Contains(screen(m), want) {
			t.Errorf("there is no %q on\n%s", want, screen(m))
		}
	}
}

func TestTopFitsEveryScreen(t *testing.T) {
	for width := 0; width <= 130; width++ {
		for _, height := range []int{0, 1, 2, 3, 4, 5, 6, 7, 24} {
			m := sampled(width, height)
			m.add(topSample{at: m.at.Add(time.Second), trouble: strings.Repeat("long ", 50), topics: []topTopic{
				aTopic(strings.Repeat("wide/世界/", 20), 1, 1), aTopic("a/slow", 1<<63, 1<<63),
			}})
			for _, keys := range [][]string{{}, {"?"}, {"q", "enter"}, {}, {"esc", "/", "x"}} {
				press(m, keys...)
				if m.open != "" {
					m.look(aLook(3))
				}
				lines := strings.Split(m.view(), "\n")
				if len(lines) > max(1, height) {
					t.Fatalf("%dx%d after %v: %d lines", width, height, keys, len(lines))
				}
				for _, l := range lines {
					if ansi.StringWidth(l) > width {
						t.Fatalf("%dx%d after %v: a line of %d columns: %q", width, height, keys, ansi.StringWidth(l), l)
					}
				}
			}
		}
	}
}
