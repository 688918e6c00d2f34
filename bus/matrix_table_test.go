//go:build linux && shmbus_sched

package bus_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// notReached are sites that no scene comes by, and why.
var notReached = map[string]string{
	"segment.go, MarkDead: s.shared.state.Store(stateDead)":                        "deleting segments has its own test, in segment/",
	"participant.go, keepGeneration: word.CompareAndSwap(g, p.owner.Generation())": "only where the word was overwritten",
	"group.go, reapGroup: l.owner.Store(ownerGroup)":                               "only when a member joins between two steps",
	"group.go, recount: l.state.CompareAndSwap(st, h<<2|kindGroup)":                "only when a member joins between two steps",
	"member.go, Take: r.shared.state.CompareAndSwap(st, (pos+span)<<2|kindGroup)":  "one of two only when there is a hole",
	"group.go, recount: head.CompareAndSwap(hw, hw+countOne)":                      "only when a member joins between two steps",
	"reader.go, Release: r.Store(pos)":                                             "no store: a call of one of our own functions",
	"reap.go, ReapTurn: r.control.turn.CompareAndSwap(turn, 0)":                    "only when its holder goes in that moment",
	"member.go, adopt: l.pin.CompareAndSwap(p, 0)":                                 "one of two only when the head has passed the pin",
	"reap.go, ReapGate: g.owner.CompareAndSwap(0, r.Self)":                         "only in a corrupt ring",
	"writer.go, Close: w.line.owner.Store(0)":                                      "handles of the bus give lines back by FinishWriter",
	"writer.go, NewWriter: l.owner.Store(0)":                                       "only when the topic is removed in that moment",
	"sole.go, ask: c.sole.CompareAndSwap(key, 0)":                                  "only when another publisher has a claim open in that moment",
	"bell.go, ring: b.word.CompareAndSwap(v, (v+1)&^unfenced|v&unfenced)":          "only when somebody sleeps in that moment",
	"bell.go, arm: b.word.CompareAndSwap(v, v&^unfenced)":                          "only when nobody has slept since a frame was published",
}

// table says of each store in the source whether somebody died before it, and fails for those where nobody did. With SHMBUS_UPDATE it goes
// into docs/RELIABILITY.md, where it must be in any case.
func (v *survivors) table(rows map[string]string) {
	v.t.Helper()
	const path, begin, end = "../docs/RELIABILITY.md", "<!-- crash matrix -->\n", "<!-- end -->\n"
	var b strings.Builder
	b.WriteString("\n| killed before | in scenes |\n|---|---|\n")
	for _, s := range sourceSites(v.t) {
		file, _, _ := strings.Cut(filepath.Base(strings.Fields(s.name)[0]), ":")
		key := file + ", " + s.text
		r, ok := rows[s.name]
		delete(rows, s.name)
		if why, none := notReached[key]; !ok && none {
			r = "none: " + why
		} else if !ok {
			v.t.Errorf("no fault point: %q (%s)", key, s.name)
		}
		fmt.Fprintf(&b, "| `%s` | %s |\n", strings.ReplaceAll(key, "|", "\\|"), r)
	}
	for _, s := range slices.Sorted(maps.Keys(rows)) {
		if !strings.Contains(s, ".go:") {
			fmt.Fprintf(&b, "| step of %s | %s |\n", s, rows[s])
		} else {
			v.t.Logf("also killed before %s: %s", s, rows[s])
		}
	}
	doc, err := os.ReadFile(path)
	noError(v.t, err)
	head, rest, ok := strings.Cut(string(doc), begin)
	old, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		v.t.Fatalf("%s has no place for the table", path)
	}
	if os.Getenv("SHMBUS_UPDATE") != "" {
		noError(v.t, os.WriteFile(path, []byte(head+begin+b.String()+"\n"+end+tail), 0o644))
		return
	}
	for _, l := range strings.Split(b.String(), "\n") {
		if first, _, _ := strings.Cut(l, "` | "); !strings.Contains(old, first) {
			v.t.Errorf("%s does not have %q: run with SHMBUS_UPDATE=1", path, l)
		}
	}
}
