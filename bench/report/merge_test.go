package report

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// saved is a result as it is read again.
func saved(t *testing.T, r *Result) *Result {
	t.Helper()
	path := filepath.Join(t.TempDir(), "r.json")
	if err := r.Save(path); err != nil {
		t.Fatal(err)
	}
	again, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// full is a result of cells and series, all of one session.
func full() *Result {
	r := sample()
	r.Growth = grown().Growth
	return r
}

func TestWhatIsNotMeasuredStaysWithItsSession(t *testing.T) {
	old := full()
	old.Date, old.Machine = "in spring", map[string]string{"processor": "an old one"}
	r := grown() // the series alone, two of them
	r.Date, r.Growth = "in autumn", r.Growth[:2]
	r.Growth[1].Rounds = 7
	r.Keep(saved(t, old))
	r = saved(t, r)

	if len(r.Tables) != 2 || len(r.Growth) != 4 || r.Date != "in autumn" {
		t.Fatalf("%d cells and %d series of %s", len(r.Tables), len(r.Growth), r.Date)
	}
	for i := range r.Tables {
		k := r.Tables[i]
		if k.Earlier == nil || !reflect.DeepEqual(*k.Earlier, old.Session) {
			t.Errorf("%s is of %+v", k.Cell.Name(), k.Earlier)
		}
		if k.Earlier = nil; !reflect.DeepEqual(k, old.Tables[i]) {
			t.Errorf("%s has other figures", k.Cell.Name())
		}
	}
	for _, g := range r.Growth {
		isNew := g.Name == GrowthAttach || g.Name == GrowthBlocked
		if isNew != (g.Earlier == nil) || !isNew && g.Earlier.Date != "in spring" {
			t.Errorf("%s is of %+v", g.Name, g.Earlier)
		}
		if g.Name == GrowthBlocked && g.Rounds != 7 {
			t.Errorf("%s is the old one", g.Name)
		}
	}

	r.Keep(full()) // it has all there is in the other one
	if len(r.Tables) != 2 || len(r.Growth) != 4 || r.Tables[0].Earlier.Date != "in spring" {
		t.Errorf("what a result has is replaced by what it keeps: %+v", r.Tables[0].Earlier)
	}
}

func TestEachPartKeepsItsOwnSession(t *testing.T) {
	first := full()
	first.Date = "first"
	second := &Result{Session: Session{Date: "second", Rounds: 11}, Tables: sample().Tables[:1]}
	second.Keep(first)
	third := &Result{Session: Session{Date: "third", Rounds: 11}, Growth: grown().Growth[3:]}
	third.Keep(saved(t, second))
	var is []string
	for i := range third.Tables {
		is = append(is, third.Tables[i].Earlier.Date)
	}
	for i := range third.Growth {
		if e := third.Growth[i].Earlier; e != nil {
			is = append(is, e.Date)
			continue
		}
		is = append(is, third.Date)
	}
	// As they are shown: the two cells, and attach, blocked, waiting, tail.
	if want := []string{"second", "first", "first", "first", "third", "first"}; !reflect.DeepEqual(is, want) {
		t.Errorf("%v, want %v", is, want)
	}
	if n := len(third.earlier()); n != 2 {
		t.Errorf("%d other sessions", n)
	}
}

func TestAWholeMeasurementKeepsNothing(t *testing.T) {
	r, old := full(), full()
	old.Date = "before"
	old.Growth = append(old.Growth, Growth{Name: "growth-of-what-is-no-more"})
	old.Tables = append(old.Tables, Table{Cell: Cell{Mode: Latency, Size: 3, Pubs: 1, Subs: 1}})
	want := r.Markdown("bench")
	r.Keep(old)
	if len(r.Tables) != 2 || len(r.Growth) != 4 || len(r.earlier()) != 0 {
		t.Errorf("%d cells, %d series, %d other sessions", len(r.Tables), len(r.Growth), len(r.earlier()))
	}
	got := r.Markdown("bench")
	if !strings.Contains(got, "growth-waiting.svg") || strings.Contains(got, "another session") || len(got) != len(want) {
		t.Errorf("it is shown as\n%s", got)
	}
}

func TestThePageSaysWhatIsOfAnotherSession(t *testing.T) {
	old := full()
	old.Date, old.Machine["processor"] = "in spring", "an old one"
	r := &Result{Session: Session{Date: "in autumn", Rounds: 11, RunTime: "150ms", Took: "3m"}, Tables: sample().Tables[:1]}
	r.Keep(old)
	md := filepath.Join(t.TempDir(), "B.md")
	if err := os.WriteFile(md, []byte(beginMark+"\n"+endMark+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.Publish(md, filepath.Join(filepath.Dir(md), "bench")); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(md)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(page), r.Text()} {
		for _, want := range []string{
			"Of another session, and kept from it: throughput-1to1-64, growth-attach, growth-blocked, growth-waiting, growth-tail. Measured in spring, in 1s: 3 rounds, 1ms a turn",
			"processor: an old one", "skipped: iceoryx, polling (there is no header)", "fewer than 10 rounds",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in\n%s", want, text)
			}
		}
	}
	for _, want := range []string{"Measured in autumn, in 3m: 11 rounds", "cores near in 1 of 3 rounds. Out after 1 rounds: nng (it has gone). Measured in spring.\n", "(bench/growth-waiting.svg)"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
}

func TestACrowdIsComparedWithAPairOfTheSameRounds(t *testing.T) {
	lines := func(crowd, pair float64, with string) Table {
		var runs [2][]Run
		for round := range 3 {
			drift := float64(round + 1)
			runs[0] = append(runs[0], Run{Round: round, NS: crowd * drift})
			runs[1] = append(runs[1], Run{Round: round, NS: pair * drift})
		}
		return Table{
			Cell:  Cell{Mode: Throughput, Size: 64, Pubs: 2, Subs: 1},
			Lines: []Line{{Name: "shmbus adaptive", Runs: runs[0]}, {Name: "shmbus adaptive, one to one" + with, Runs: runs[1]}},
		}
	}
	r := &Result{Tables: []Table{lines(50, 31, ""), lines(50, 29, ""), {Cell: Cell{Mode: Throughput, Size: 64, Pubs: 1, Subs: 1}, Lines: lines(50, 31, "").Lines[:1]}}}
	all := r.crowds()
	if len(all) != 2 || !all[0].Met || all[1].Met || all[0].Cell != "throughput-2to1-64" || !strings.HasPrefix(all[0].Is, "0.62 ") || !strings.HasPrefix(all[1].Is, "0.58 ") {
		t.Errorf("%+v", all)
	}
	both := lines(50, 31, "")
	both.Lines = append(both.Lines, lines(50, 29, ", same ring").Lines[1])
	all = (&Result{Tables: []Table{both}}).crowds()
	if len(all) != 2 || !all[0].Met || all[1].Met || !strings.HasSuffix(all[0].Is, " of one to one") || !strings.HasSuffix(all[1].Is, " of one to one, same ring") {
		t.Errorf("with the crowd's ring as well: %+v", all)
	}
}
