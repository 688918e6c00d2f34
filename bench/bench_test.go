//go:build linux

package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.nanomsg.org/mangos/v3/protocol/push"
	_ "go.nanomsg.org/mangos/v3/transport/ipc" // for ipc:// addresses

	"shmbus/bench/native"
	"shmbus/bench/peers"
	"shmbus/bench/report"
	"shmbus/internal/houserules"
	"shmbus/internal/tempdir"
)

// leadWord makes a process of the test the benchmark itself.
const leadWord = "lead"

func TestMain(m *testing.M) {
	serve()
	if len(os.Args) > 1 && os.Args[1] == leadWord {
		os.Args = slices.Delete(os.Args, 1, 2)
		main()
		return
	}
	os.Exit(m.Run())
}

// scenes are the kinds of cells, with small messages and large ones.
func scenes() (all []report.Cell) {
	seen := make(map[string]bool)
	for _, c := range report.Cells() {
		if c.Size == 64<<10 || !seen[c.Group()] {
			seen[c.Group()] = true
			all = append(all, c)
		}
	}
	return all
}

// needCPUs skips a test that pins to two CPUs where there is one.
func needCPUs(t *testing.T) {
	t.Helper()
	if cpus() < 2 {
		t.Skip("this process may use one CPU only")
	}
}

func TestEachContenderMovesCheckedMessagesInEachScene(t *testing.T) {
	needCPUs(t)
	l, err := openLab(t.Context(), nil, true)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	for _, s := range l.skipped {
		if s.Broken {
			t.Errorf("%s: %s", s.Name, s.Why)
		} else {
			t.Logf("skipped: %s: %s", s.Name, s.Why)
		}
	}
	for i := range l.all {
		c := &l.all[i]
		t.Run(c.name, func(t *testing.T) {
			for _, cell := range scenes() {
				if !c.takesPart(cell) {
					continue
				}
				if err := move(t.Context(), l, c, cell); err != nil {
					t.Errorf("%s: %v", cell.Name(), err)
				}
			}
		})
	}
}

// move moves a few messages twice; that each has come, once and in order, the processes check.
func move(ctx context.Context, l *lab, c *contender, cell report.Cell) error {
	r, err := c.start(ctx, l, cell)
	if err != nil {
		return err
	}
	defer r.close()
	for _, n := range []uint64{100, 20} {
		o, err := r.run(n)
		switch {
		case err != nil:
			return err
		case o.took <= 0:
			return fmt.Errorf("%d messages took %v", n, o.took)
		case cell.Mode == report.Latency && (o.hist == nil || o.hist.Count() != n):
			return fmt.Errorf("%d round trips are not all in the histogram", n)
		}
	}
	return nil
}

func TestAProcessThatDiesEndsItsTeam(t *testing.T) {
	needCPUs(t)
	l, err := openLab(t.Context(), []string{"Unix"}, true)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	i := slices.IndexFunc(l.all, func(c contender) bool { return c.name == "Unix socket" })
	r, err := l.all[i].start(t.Context(), l, report.Cell{Mode: report.Throughput, Size: 64, Pubs: 1, Subs: 1})
	if err != nil {
		t.Fatal(err)
	}
	team := r.(*team)
	if err := team.people[1].cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := team.run(1000); err == nil || !strings.Contains(err.Error(), "subscriber 1") && !strings.Contains(err.Error(), "publisher 1") {
		t.Errorf("a run with a dead subscriber: %v", err)
	}
	team.close()
	if _, err := os.Stat(team.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", team.dir, err)
	}
}

// nng and mangos speak the same protocol, so that this test can send what no publisher of the benchmark sends.
func TestAProcessInCFindsWhatIsNotTheNextWholeMessage(t *testing.T) {
	l, err := openLab(t.Context(), []string{"nng"}, false)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	if len(l.skipped) > 0 {
		if l.skipped[0].Broken {
			t.Fatal(l.skipped[0].Why)
		}
		t.Skip(l.skipped[0].Why)
	}
	for _, bad := range []struct {
		first, last, between uint64
		says                 string
	}{
		{2, 2, 0, "missing"},
		{1, 1, 1, "not what was sent"},
		{1, 2, 0, "not what was sent"},
		{1<<48 | 1, 1<<48 | 1, 0, "nobody"},
	} {
		dir, err := os.MkdirTemp(l.memory, "team-")
		if err != nil {
			t.Fatal(err)
		}
		p := &process{name: "subscriber"}
		o := peers.Options{Size: 64, Pubs: 1, Subs: 1, Dir: dir}
		if err := p.start(append([]string{l.built[native.NNG].path}, o.Words()...), -1); err != nil {
			t.Fatal(err)
		}
		team := &team{ctx: t.Context(), patience: turnPatience, people: []*process{p}, dir: dir}
		if _, err := team.reports(); err != nil {
			t.Fatal(err)
		}
		c, err := push.NewSocket()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Dial("ipc://" + filepath.Join(dir, "a.0")); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 64)
		binary.LittleEndian.PutUint64(b, bad.first)
		binary.LittleEndian.PutUint64(b[56:], bad.last)
		binary.LittleEndian.PutUint64(b[32:], bad.between)
		if err := c.Send(b); err != nil {
			t.Fatal(err)
		}
		if _, err := team.run(1); err == nil || !strings.Contains(err.Error(), bad.says) {
			t.Errorf("%+v: %v", bad, err)
		}
		c.Close()
		team.close()
	}
}

// leader starts the benchmark as a process of its own, and gives what has come of it and the directory for its files.
func leader(t *testing.T, args ...string) (cmd *exec.Cmd, out *strings.Builder, dir string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	cmd, out = exec.Command(exe, append([]string{leadWord}, args...)...), new(strings.Builder)
	cmd.Env = append(os.Environ(), "TMPDIR="+dir)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd, out, dir
}

func TestAQuickMeasurementFillsTheMarkdownFile(t *testing.T) {
	needCPUs(t)
	md := filepath.Join(t.TempDir(), "BENCHMARKS.md")
	if err := os.WriteFile(md, []byte("before\n<!-- figures: put in by bench, do not edit -->\nold\n<!-- end of figures -->\nafter\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	quickly := func(cells string, more ...string) {
		t.Helper()
		cmd, out, dir := leader(t, append([]string{"-quick", "-turns", "1", "-peers", "FIFO", "-cells", cells, "-out", md}, more...)...)
		if err := cmd.Run(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		empty(t, dir)
	}
	has := func(wants ...string) {
		t.Helper()
		b, err := os.ReadFile(md)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range wants {
			if !strings.Contains(string(b), want) {
				t.Errorf("the file has no %q:\n%s", want, b)
			}
		}
		if strings.Contains(string(b), "\nold\n") {
			t.Error("the old figures are still there")
		}
	}
	quickly("latency-block-64,throughput-2to1-64")
	has("before\n", "\nafter\n", "| FIFO | ", "| shmbus block | ", "(bench/throughput-2to1.svg)")
	if _, err := os.Stat(filepath.Join(filepath.Dir(md), "bench", "latency-block.svg")); err != nil {
		t.Error(err)
	}
	figures := filepath.Join(filepath.Dir(md), "figures.json")
	quickly("throughput-2to1-64", "-json", figures)
	quickly("latency-block-64", "-json", figures)
	has("(bench/latency-block.svg)", "(bench/throughput-2to1.svg)", "kept from it: throughput-2to1-64. Measured 20")

	if err := os.WriteFile(figures, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd, out, _ := leader(t, "-cells", "latency-block-64", "-json", figures)
	if err := cmd.Run(); err == nil || !strings.Contains(out.String(), "figures.json") || strings.Contains(out.String(), "cells") {
		t.Errorf("a file that cannot be kept: %v\n%s", err, out)
	}
}

func TestCtrlCLeavesNothing(t *testing.T) {
	out := endedBy(t, func(lead int) error { return syscall.Kill(-lead, syscall.SIGINT) })
	if !strings.Contains(out, context.Canceled.Error()) {
		t.Errorf("the benchmark has said:\n%s", out)
	}
}

func TestCtrlBackslashLeavesNothing(t *testing.T) {
	endedBy(t, func(lead int) error { return syscall.Kill(-lead, syscall.SIGQUIT) })
}

func TestTheDeathOfTheLeaderLeavesNothing(t *testing.T) {
	endedBy(t, func(lead int) error { return syscall.Kill(lead, syscall.SIGKILL) })
}

// endedBy ends a benchmark that is under way, and wants nothing to be left of it.
func endedBy(t *testing.T, end func(lead int) error) (said string) {
	needCPUs(t)
	before := inMemory(t)
	cmd, out, dir := leader(t, "-turns", "1000", "-peers", "Redis,NATS", "-cells", "latency-block-64")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// The teams of NATS and Redis come last, when servers and crews are there.
	patiently(t, "team of each peer", func() bool {
		teams, err := filepath.Glob(filepath.Join(tempdir.Memory(), dirPrefix+"*", "team-*"))
		teams = slices.DeleteFunc(teams, func(team string) bool { return slices.Contains(before, filepath.Dir(team)) })
		return err == nil && len(teams) >= 3
	})
	if err := end(cmd.Process.Pid); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Errorf("the benchmark has ended as if nothing were:\n%s", out)
	}
	patiently(t, "end of all processes", func() bool { return syscall.Kill(-cmd.Process.Pid, 0) != nil })
	patiently(t, "empty "+tempdir.Memory(), func() bool {
		return !slices.ContainsFunc(inMemory(t), func(name string) bool { return !slices.Contains(before, name) })
	})
	empty(t, dir)
	return out.String()
}

// inMemory is what benchmarks have made in memory.
func inMemory(t *testing.T) (all []string) {
	t.Helper()
	for _, prefix := range []string{dirPrefix, "shmbus-crew-"} {
		names, err := filepath.Glob(filepath.Join(tempdir.Memory(), prefix+"*"))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, names...)
	}
	return all
}

func empty(t *testing.T, dir string) {
	t.Helper()
	if names, err := os.ReadDir(dir); err != nil || len(names) > 0 {
		t.Errorf("%s is not empty: %v %v", dir, names, err)
	}
}

// patiently waits for a condition.
func patiently(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("there is no %s", what)
		}
		time.Sleep(10 * time.Millisecond) // not synchronisation: it looks again and again
	}
}

func TestTheModuleKeepsTheRulesOfTheHouse(t *testing.T) {
	root, err := houserules.Root(".")
	if err != nil {
		t.Fatal(err)
	}
	files := 0
	err = houserules.Walk(root, func(path string, source []byte) error {
		if bad := houserules.Paths(path, source); len(bad) > 0 {
			t.Error(strings.Join(bad, "\n"))
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}
		files++
		f, err := houserules.Parse(path, source)
		if err != nil {
			return err
		}
		for name, rule := range houserules.Rules {
			for _, bad := range rule(f) {
				t.Errorf("%s: %s", name, bad)
			}
		}
		return nil
	})
	if err != nil || files == 0 {
		t.Errorf("%d files: %v", files, err)
	}
}

func TestAWordThatMeansNothingIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	for _, args := range [][]string{{"-cells", "latency,no-such"}, {"-peers", "NATS,no-such"}} {
		if err := run(t.Context(), append(args, "-json", filepath.Join(dir, "f.json"))); err == nil || !strings.Contains(err.Error(), args[0]+" no-such:") {
			t.Errorf("%v: %v", args, err)
		}
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a directory was made for nothing: %v", err)
	}
	for _, o := range []options{{}, {peers: noPeer}, {cells: "growth-tail,latency-spin-64", peers: "nats,fifo"}} {
		if err := o.known(); err != nil {
			t.Error(err)
		}
	}
}

// TestWhatCannotBeWrittenIsToldBeforeTheMeasurement: it is not in vain then.
func TestWhatCannotBeWrittenIsToldBeforeTheMeasurement(t *testing.T) {
	dir := t.TempDir()
	md := filepath.Join(dir, "B.md")
	if err := os.WriteFile(md, []byte("<!-- figures: put in by bench, do not edit -->\n<!-- end of figures -->\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"-json", filepath.Join(md, "figures.json")}, {"-json", "/dev/full"}, // where a file is, and what is read without end
		{"-out", filepath.Join(dir, "no", "B.md")}, {"-out", md}, // where the plots belong, there is a file
	} {
		if err := os.WriteFile(filepath.Join(dir, "bench"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		err := run(t.Context(), append(args, "-quick", "-turns", "1", "-peers", noPeer, "-cells", "latency-spin-64"))
		if err == nil || !strings.HasPrefix(err.Error(), args[0]+": ") || !strings.Contains(err.Error(), filepath.Dir(args[1])) {
			t.Errorf("%v: %v", args, err)
		}
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 2 {
		t.Errorf("%v is left: %v", names, err)
	}
}
