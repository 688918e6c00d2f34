//go:build shmbus_sched

package topics

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"shmbus/internal/mem"
	"shmbus/internal/sched"
)

var updateTable = flag.Bool("interleavings", false, "write the table of mutations to docs/INTERLEAVINGS.md")

const (
	tableFile  = "../docs/INTERLEAVINGS.md"
	tableBegin = "| function | store | what is done to it | what is seen | scenario |"
)

var hows = map[int]string{sched.Skip: "left out", sched.Swap: "behind the next", sched.Weak: "no barrier"}

// A row of the table is one store and what is done to it.
type row struct {
	site sched.Site
	how  int
}

// cells are the row's first three cells, which name it.
func (r row) cells() string {
	return fmt.Sprintf("| %s | `%s` | %s |", strings.TrimPrefix(r.site.Func, "topics."), strings.ReplaceAll(r.site.Code, "|", "\\|"), hows[r.how])
}

// forPeople are stores that only people look at.
var forPeople = regexp.MustCompile(`\.(received|lost|bytes|blocked|subscription)\.`)

// forGroups are stores to words that broadcast subscriptions do not use.
var forGroups = regexp.MustCompile(`\.(pin|group|attempts)\.`)

func besides(s sched.Site) bool {
	return forPeople.MatchString(s.Code) || forGroups.MatchString(s.Code)
}

// ofGroups are stores that are not in the table yet: those of groups, and of kicks.
func ofGroups(s sched.Site) bool {
	return regexp.MustCompile(`^(group|member|kick)\.go`).MatchString(s.Name) && !strings.HasSuffix(s.Func, "Ring.freeGate") ||
		forGroups.MatchString(s.Code)
}

// allRows is every store of the protocol that the scenarios come by, with all that can be done to it.
func allRows() []row {
	seen := make(map[string]bool)
	var sites []sched.Site
	for _, p := range plots() {
		x := p.start()
		x.Mutate(&sched.Mutation{How: sched.Record})
		x.Search(sched.Bounds{Budget: 1, States: 20000})
		for _, s := range x.Sites() {
			if !seen[s.Name] && !strings.Contains(s.Name, "_test.go") && !ofGroups(s) {
				seen[s.Name] = true
				sites = append(sites, s)
			}
		}
	}
	slices.SortFunc(sites, func(a, b sched.Site) int { return strings.Compare(a.Name, b.Name) })
	count := make(map[string]int)
	var rows []row
	for _, s := range sites {
		id := s.Func + s.Code
		if count[id]++; count[id] > 1 {
			s.Code += fmt.Sprintf(" // no. %d", count[id])
		}
		for _, how := range []int{sched.Skip, sched.Swap, sched.Weak} {
			if s.Op == mem.OpFence && how == sched.Weak || s.Op != mem.OpFence && (how != sched.Weak || s.Op == mem.OpStore) {
				rows = append(rows, row{s, how})
			}
		}
	}
	return rows
}

// catch searches for a schedule in which the mutation is seen: first in the scenario that saw it last time, then in all.
func (r row) catch(hint string) (scenario, text string) {
	for budget := 0; budget <= 3; budget++ {
		if text := r.seenIn(hint, sched.Bounds{Budget: budget, States: 1000000}); text != "" {
			return hint, text
		}
	}
	for budget := 0; budget <= 3; budget++ {
		for _, p := range plots() {
			if p.heavy {
				continue
			}
			if text := r.seenIn(p.Name, sched.Bounds{Budget: budget, States: 20000}); text != "" {
				return p.Name, text
			}
		}
	}
	return "", ""
}

// seenIn searches one scenario.
func (r row) seenIn(name string, b sched.Bounds) string {
	for _, p := range plots() {
		if p.Name != name {
			continue
		}
		p.TSO = r.how == sched.Weak
		x := p.start()
		x.Mutate(&sched.Mutation{Site: r.site.Name, How: r.how, Beside: besides})
		b.Depth = 1000
		if res := x.Search(b); res.Violation != nil {
			text, _, _ := strings.Cut(res.Violation.Text, "\n")
			return text
		}
	}
	return ""
}

// hints are what the table says about who caught what.
func hints() map[string]string {
	b, _ := os.ReadFile(tableFile)
	m := make(map[string]string)
	for _, l := range strings.Split(string(b), "\n") {
		if i := strings.LastIndex(strings.TrimSuffix(l, " |"), " | "); i > 0 && strings.HasPrefix(l, "| ") {
			for _, how := range hows {
				if j := strings.Index(l, "| "+how+" |"); j > 0 {
					m[l[:j+len("| "+how+" |")]] = strings.TrimSuffix(l[i+3:], " |")
				}
			}
		}
	}
	return m
}

// TestInterleavingsOfMutatedCode takes each store of the protocol away, swaps it with the next one, and takes its barrier away, and sees
// that a scenario fails, or that there is a reason why it need not.
func TestInterleavingsOfMutatedCode(t *testing.T) {
	hint := hints()
	var table []string
	rows := allRows()
	everyStoreIsThere(t, rows)
	for _, r := range rows {
		why := exempt(r)
		line := r.cells()
		if why != "" {
			table = append(table, line+" nothing: "+why+" | |")
			continue
		}
		start := time.Now()
		scenario, text := r.catch(hint[line])
		if d := time.Since(start); d > 3*time.Second {
			t.Logf("%v for %s", d.Round(time.Second), line)
		}
		if scenario == "" {
			t.Errorf("nobody notices: %s (%s)", line, r.site.Name)
			continue
		}
		if len(text) > 90 {
			text = text[:90] + "…"
		}
		table = append(table, fmt.Sprintf("%s %s | %s |", line, strings.ReplaceAll(text, "|", "\\|"), scenario))
	}
	for _, l := range table {
		t.Log(l)
	}
	if *updateTable {
		writeTable(t, table)
	}
}

// writeTable puts the table in its place in the document: behind its head, to the end.
func writeTable(t *testing.T, table []string) {
	b, err := os.ReadFile(tableFile)
	if err != nil {
		t.Fatal(err)
	}
	before, _, ok := strings.Cut(string(b), tableBegin)
	if !ok {
		t.Fatal("the document has no table")
	}
	text := before + tableBegin + "\n|---|---|---|---|---|\n" + strings.Join(table, "\n") + "\n"
	if err := os.WriteFile(tableFile, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
