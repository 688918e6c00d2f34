package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// sample is a result with rounds in both modes, a peer that is ahead, and one that fell out.
func sample() *Result {
	near := Bare{Line: 50, Ring: 80, Stream: 15}
	far := Bare{Line: 200, Ring: 300, Stream: 35}
	runs := func(ns ...float64) (all []Run) {
		for i, v := range ns {
			b := far
			if i == 0 {
				b = near
			}
			all = append(all, Run{Round: i, Bare: b, Count: 100, NS: v, P99: 2 * v, P999: 3 * v, Max: 4 * v})
		}
		return all
	}
	return &Result{
		Session: Session{
			Date: "today", Rounds: 3, RunTime: "1ms", Took: "1s",
			Machine: map[string]string{"kernel": "6"}, Versions: map[string]string{"nng": "1"},
			Skipped: []Skipped{{Name: "iceoryx, polling", Why: "there is no header"}},
		},
		Tables: []Table{
			{Cell: Cell{Mode: Latency, Size: 64, Pubs: 1, Subs: 1, Spin: true}, Lines: []Line{
				{Name: "shmbus spin", Ours: true, Runs: runs(88, 330, 360)},
				{Name: "shmbus spin, in place", Ours: true, Runs: runs(80, 300, 300)},
				{Name: "iceoryx, polling", Against: "shmbus spin, in place", Runs: runs(160, 2510, 2700)},
			}},
			{Cell: Cell{Mode: Throughput, Size: 64, Pubs: 1, Subs: 1}, Lines: []Line{
				{Name: "shmbus spin", Ours: true, Runs: runs(30, 70, 70)},
				{Name: "shmbus block", Ours: true, Runs: runs(100, 100, 100)},
				{Name: "FIFO", Against: "shmbus block", Runs: runs(50, 90, 200)},
				{Name: "nng", Against: "shmbus block", Runs: runs(1000), Err: "it has gone"},
				{Name: "mangos", Against: "shmbus block", Runs: runs(1001, 1001)},
			}},
		},
	}
}

func TestRatiosAreTakenWithinARound(t *testing.T) {
	r := sample()
	spin, stream := &r.Tables[0], &r.Tables[1]
	if got, want := spin.OverBare(spin.Line("shmbus spin")), []float64{1.1, 1.1, 1.2}; !reflect.DeepEqual([]float64(got.Series), want) {
		t.Errorf("latency over the bare ring: %v, want %v", got, want)
	}
	if got, want := stream.OverBare(stream.Line("shmbus spin")), []float64{.5, .5, .5}; !reflect.DeepEqual([]float64(got.Series), want) {
		t.Errorf("rate over the bare stream: %v, want %v", got, want)
	}
	if got, want := spin.OverOurs(spin.Line("iceoryx, polling")), []float64{2, 2510. / 300, 9}; !reflect.DeepEqual([]float64(got.Series), want) {
		t.Errorf("a peer over ours: %v, want %v", got, want)
	}
	if got := stream.OverOurs(stream.Line("nng")); len(got.Series) != 1 || got.Series[0] != 10 {
		t.Errorf("a peer with one round: %v", got)
	}
}

// TestBareMemoryIsTheQuickerOfTwo: in each round the one that is, and where one of the two has fallen out, the other.
func TestBareMemoryIsTheQuickerOfTwo(t *testing.T) {
	runs := func(ns ...float64) (all []Run) {
		for i, v := range ns {
			all = append(all, Run{Round: i, NS: v})
		}
		return all
	}
	ours := Line{Name: "shmbus spin, in place", Ours: true, Runs: runs(100, 100, 100)}
	memory, taken := Line{Name: MemoryName, Bare: true, Runs: runs(50, 100)}, Line{Name: TakenName, Bare: true, Runs: runs(100, 50, 80)}
	cell := Cell{Mode: Latency, Size: 1 << 20, Pubs: 1, Subs: 1, Spin: true}
	both := &Table{Cell: cell, Lines: []Line{memory, taken, ours}}
	if got := both.OverBare(both.Line(ours.Name)); !slices.Equal(got.Series, []float64{2, 2, 1.25}) {
		t.Errorf("of the two: %v", got)
	}
	if memory.Runs[1].NS != 100 {
		t.Error("the bare memory's own figures have changed")
	}
	one := &Table{Cell: cell, Lines: []Line{memory, ours}}
	if got := one.OverBare(one.Line(ours.Name)); !slices.Equal(got.Series, []float64{2, 1}) {
		t.Errorf("of the one: %v", got)
	}
	verdicts := (&Result{Tables: []Table{*both, *one}}).Verdicts()
	if len(verdicts) != 2 || verdicts[0].Met || !strings.HasPrefix(verdicts[0].Is, "2.00 ") || !strings.HasPrefix(verdicts[1].Is, "1.50 ") {
		t.Errorf("%+v", verdicts)
	}
}

func TestMarksAreJudgedAndPeersAheadAreNamed(t *testing.T) {
	got := make(map[string]bool)
	for _, v := range sample().Verdicts() {
		got[v.Cell+" "+v.Name] = v.Met
	}
	want := map[string]bool{
		"latency-spin-64 shmbus spin":    true,  // 1.1 of 1.2
		"throughput-1to1-64 shmbus spin": false, // .5 of .6
		"throughput-1to1-64 FIFO":        false, // it is ahead
		"throughput-1to1-64 nng":         false, // it is not more than ten times behind, as mangos is
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// waiting is a cell where a peer is ahead of ours that sleeps at once, with those CPU times of a message.
func waiting(block, adaptive, peer float64) *Result {
	runs := func(ns, cpu float64) (all []Run) {
		for i := range verdictRounds {
			all = append(all, Run{Round: i, NS: ns, CPU: cpu})
		}
		return all
	}
	return &Result{Tables: []Table{{Cell: Cell{Mode: Latency, Size: 64, Pubs: 1, Subs: 1}, Lines: []Line{
		{Name: "shmbus adaptive", Ours: true, Runs: runs(400, adaptive)},
		{Name: "shmbus block", Ours: true, Runs: runs(16_000, block)},
		{Name: "FIFO", Against: "shmbus block", Runs: runs(12_000, peer)},
	}}}}
}

func TestAPeerThatBurnsMoreAndIsSlowerThanOursThatLooksIsBehind(t *testing.T) {
	for name, c := range map[string]struct {
		block, adaptive, peer float64
		word, is              string
	}{
		"ours burns less":       {12_000, 700, 14_000, "NOT MET beside block, met beside adaptive", "0.75 (0.75–0.75) times shmbus block with 1.17 (1.17–1.17) of its CPU time; 30.0 (30.0–30.0) times shmbus adaptive with 20.0 (20.0–20.0)"},
		"ours burns more":       {12_000, 24_000, 12_000, "NOT MET", "times shmbus adaptive with 0.50"},
		"burnt is not measured": {0, 0, 0, "NOT MET", "0.75 (0.75–0.75) times shmbus block"},
	} {
		v := waiting(c.block, c.adaptive, c.peer).Verdicts()
		if len(v) != 1 || v[0].Name != "FIFO" || v[0].word() != c.word || !strings.Contains(v[0].Is, c.is) {
			t.Errorf("%s: %+v", name, v)
		}
	}
	spin := waiting(12_000, 700, 14_000)
	spin.Tables[0].Cell.Spin = true
	if v := spin.Verdicts(); len(v) != 1 || v[0].word() != "NOT MET" {
		t.Errorf("who spins owes nothing to it: %+v", v)
	}
}

// TestFewRoundsAreNoVerdict: neither in a measurement of few, nor where they are kept beside one of many, nor of a peer that fell out early.
func TestFewRoundsAreNoVerdict(t *testing.T) {
	words := func(r *Result) (all []string) {
		for _, row := range r.verdictRows() {
			all = append(all, row[0]+" "+row[len(row)-1])
		}
		return all
	}
	few := full()
	for _, s := range words(few) {
		if !strings.HasSuffix(s, " –") {
			t.Errorf("three rounds say %s", s)
		}
	}
	many := waiting(12_000, 700, 14_000)
	many.Rounds = verdictRounds
	many.Keep(few)
	for _, s := range words(many) {
		if strings.HasSuffix(s, " –") == strings.HasPrefix(s, "latency-block-64 ") {
			t.Errorf("ten rounds beside others that were kept say %s", s)
		}
	}
	peer := &many.Tables[slices.IndexFunc(many.Tables, func(t Table) bool { return t.Cell.Name() == "latency-block-64" })].Lines[2]
	peer.Runs, peer.Err = peer.Runs[1:], "it has gone"
	if got := words(many); !slices.Contains(got, "latency-block-64 –") || slices.Contains(got, "latency-block-64 met") {
		t.Errorf("nine rounds of a peer say %q", got)
	}
	looks := waiting(12_000, 700, 14_000)
	ours := &looks.Tables[0].Lines[0]
	ours.Runs = ours.Runs[1:]
	if got := words(looks); !slices.Equal(got, []string{"latency-block-64 –"}) {
		t.Errorf("nine rounds of ours that looks say %q", got)
	}
}

func TestCPUTimeIsShownWhereItWasMeasured(t *testing.T) {
	const head = "CPU time that a message takes"
	text := waiting(12_000, 700, 14_000).Markdown("bench")
	if !strings.Contains(text, head) || !strings.Contains(text, "| shmbus adaptive | 700 ns (700 ns–700 ns) |") {
		t.Errorf("no CPU time in\n%s", text)
	}
	if text := waiting(0, 0, 0).Markdown("bench"); strings.Contains(text, head) {
		t.Errorf("CPU time that nobody has measured:\n%s", text)
	}
}

func TestTheOverviewHasOneTableOfEachKindAndNoBareHardware(t *testing.T) {
	r := waiting(12_000, 700, 14_000)
	if b := r.overview(); b != nil {
		t.Errorf("half of it was measured, and it is drawn:\n%s", b)
	}
	r.Tables = append(r.Tables, sample().Tables[1])
	text := string(r.overview())
	for word, want := range map[string]int{
		"messages a second": 1, "latency, one way": 1, "FIFO": 2, "shmbus block": 3, "shmbus adaptive": 2, "shmbus spin": 0, "bare": 0,
		"looks for a message for some time before it sleeps": 1, "far rounds": 1,
	} {
		if got := strings.Count(text, word); got != want {
			t.Errorf("%q is there %d times, want %d, in\n%s", word, got, want, text)
		}
	}
}

func TestEarlierFiguresAreComparedInTheSameMode(t *testing.T) {
	all, err := parseEarlier(earlierText)
	if err != nil || len(all) < 40 {
		t.Fatalf("%d earlier figures: %v", len(all), err)
	}
	cells := make(map[string]bool)
	for _, c := range Cells() {
		cells[c.Name()] = true
	}
	for _, e := range all {
		if !cells[e.cell] || e.hi < e.lo || e.mode != "near" && e.mode != "far" && e.mode != "any" {
			t.Errorf("what is %+v?", e)
		}
	}
	got := make(map[string]Check)
	for _, c := range sample().Checks() {
		got[c.Cell+" "+c.Name+" "+c.Mode] = c
	}
	if c := got["latency-spin-64 iceoryx, polling far"]; c.Runs != 2 || c.Now != 2605 || !c.Within() {
		t.Errorf("a figure of the far rounds: %+v", c)
	}
	if c := got["latency-spin-64 bare line near"]; c.Runs != 1 || !c.Within() {
		t.Errorf("the bare line of the near round: %+v", c)
	}
	if c := got["throughput-1to1-64 FIFO any"]; c.Runs != 3 || c.Within() || !strings.Contains(strings.Join(c.row(), " "), "DIFFERS") {
		t.Errorf("a figure that differs: %+v", c)
	}
}

func TestWhatIsPublishedStandsBetweenTheMarkers(t *testing.T) {
	dir := t.TempDir()
	md := filepath.Join(dir, "B.md")
	if err := os.WriteFile(md, []byte("no markers\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if CanPublish(md, filepath.Join(dir, "bench")) == nil || sample().Publish(md, filepath.Join(dir, "bench")) == nil {
		t.Error("a file without markers is taken")
	}
	if err := os.WriteFile(md, []byte("before\n"+beginMark+"\nold\n"+endMark+"\nafter\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var first []byte
	for range 2 { // twice is as once
		if err := sample().Publish(md, filepath.Join(dir, "bench")); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(md)
		if err != nil {
			t.Fatal(err)
		}
		if first != nil && !bytes.Equal(first, b) {
			t.Errorf("the second time it is another file:\n%s", b)
		}
		first = b
	}
	for _, want := range []string{
		"before\n" + beginMark, endMark + "\nafter\n", "Skipped: iceoryx, polling (there is no header)", "Out after 1 rounds: nng (it has gone)", "at least 0.60 | – |", "- Versions: nng: 1; shmbus: unknown: it was not noted.",
		"At the edge: the mark is between the quartiles.", "; shown are the ones beside the first one.", "latency-spin-64: beside shmbus spin the bare line took 200 ns, ring", "(bench/latency-spin.svg)",
	} {
		if !strings.Contains(string(first), want) {
			t.Errorf("no %q in\n%s", want, first)
		}
	}
	plots, err := filepath.Glob(filepath.Join(dir, "bench", "*.svg"))
	if err != nil || len(plots) != 2 {
		t.Fatalf("plots: %v %v", plots, err)
	}
	for _, p := range plots {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		for d := xml.NewDecoder(bytes.NewReader(b)); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", p, err)
			}
		}
	}
}

func TestAResultIsReadAsItWasSaved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.json")
	if err := sample().Save(path); err != nil {
		t.Fatal(err)
	}
	r, err := Load(path)
	if err != nil || !reflect.DeepEqual(r, sample()) {
		t.Errorf("%+v: %v", r, err)
	}
}

func TestAFileWithoutFiguresIsNoResult(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.json")
	for _, text := range []string{"{}", "null", "{\"date\": \"today\"}", "{\"tables\": [{}]}"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if r, err := Load(path); err == nil || !strings.Contains(err.Error(), path+": there are no figures") {
			t.Errorf("%s is %+v: %v", text, r, err)
		}
	}
}

func TestOnlyARegularFileIsAResult(t *testing.T) {
	for _, path := range []string{"/dev/null", t.TempDir()} {
		if r, err := Load(path); err == nil || !strings.Contains(err.Error(), path+" is no regular file") {
			t.Errorf("%s: %+v, %v", path, r, err)
		}
	}
}

func TestOnlyOneOfOursThatFallsOutIsAnError(t *testing.T) {
	r := sample() // a peer has fallen out of it
	if err := r.Failed(); err != nil {
		t.Errorf("a peer: %v", err)
	}
	r.Tables[1].Lines[0].Err = "torn"
	if err := r.Failed(); err == nil || !strings.Contains(err.Error(), "throughput-1to1-64: shmbus spin: torn") {
		t.Errorf("one of ours: %v", err)
	}
}

func TestCellsAreChosenByTheBeginningOfTheirNames(t *testing.T) {
	c := Cell{Mode: Throughput, Size: 1 << 10, Pubs: 1, Subs: 2}
	for word, want := range map[string]bool{
		"throughput": true, "throughput-1to2": true, "throughput-1to2-1K": true, "throughput-1to2-1": false, "latency": false,
	} {
		if c.Match([]string{"nothing", word}) != want {
			t.Errorf("%s is chosen by %q: %v", c.Name(), word, !want)
		}
	}
}

// TestABrokenContenderIsAFailure, and one that is not installed is none.
func TestABrokenContenderIsAFailure(t *testing.T) {
	r := &Result{Session: Session{Skipped: []Skipped{{Name: "nng", Why: "it is not installed"}}}}
	if err := r.Failed(); err != nil {
		t.Errorf("not installed: %v", err)
	}
	r.Skipped = append(r.Skipped, Skipped{Name: "ZeroMQ", Why: "it does not compile", Broken: true})
	if err := r.Failed(); err == nil || err.Error() != "ZeroMQ: it does not compile" {
		t.Errorf("broken: %v", err)
	}
}
