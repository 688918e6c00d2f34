//go:build linux

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestWhatCostsMoreThanATenthMoreIsLost(t *testing.T) {
	for _, c := range []struct {
		after []float64
		lost  bool
		says  string
	}{
		{[]float64{100, 101, 99}, false, "1.000"},
		{[]float64{109, 109, 300}, false, "1.090"},
		{[]float64{111, 112, 113}, true, "LOST"},
		{[]float64{90, 112, 113}, true, "run it again"},
		{[]float64{80, 80, 80}, false, "gained"},
	} {
		few := result{name: "x", before: []float64{100, 100, 100}, after: c.after}
		r := few
		r.before, r.after = slices.Repeat(few.before, pairsAtLeast), slices.Repeat(few.after, pairsAtLeast)
		if r.lost() != c.lost || !strings.Contains(r.String(), c.says) || strings.Contains(r.String(), "LOST") != c.lost {
			t.Errorf("%v: %s", c.after, r)
		}
		if s := few.String(); few.lost() || strings.Contains(s, "LOST") || strings.Contains(s, "gained") {
			t.Errorf("three pairs are a verdict: %s", s)
		}
	}
}

func TestTheCostOfAMeasurementIsReadFromItsJSON(t *testing.T) {
	for _, c := range []struct {
		text   string
		beside bool
		want   float64
	}{
		{`{"throughput_msgs_per_s": 2e6, "latency_ns": null, "ratio": {"stream": 0.5}}`, true, 2},
		{`{"throughput_msgs_per_s": 2e6, "latency_ns": null, "ratio": {"stream": 0.5}}`, false, 500},
		{`{"throughput_msgs_per_s": 1, "latency_ns": {"p50": 300}, "ratio": {"ring": 1.1}}`, true, 1.1},
		{`{"throughput_msgs_per_s": 1, "latency_ns": {"p50": 300}, "ratio": {"ring": 1.1}}`, false, 300},
		{`{"throughput_msgs_per_s": 2e6, "latency_ns": null}`, true, 0}, // ns would pass for a ratio
		{`{"throughput_msgs_per_s": 2e6, "latency_ns": null}`, false, 500},
		{`{}`, false, 0},
	} {
		var m measured
		if err := json.Unmarshal([]byte(c.text), &m); err != nil {
			t.Fatal(err)
		}
		if got, err := m.cost(cell{beside: c.beside}); got != c.want || (err == nil) != (c.want > 0) {
			t.Errorf("%s: %v %v, want %v", c.text, got, err, c.want)
		}
	}
}

// repository is one with two commits, whose buscat prints what a measurement prints: the second one is twice as slow.
func repository(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("there is no git")
	}
	dir := t.TempDir()
	main := filepath.Join(dir, "cmd", "buscat", "main.go")
	if err := os.MkdirAll(filepath.Dir(main), 0o700); err != nil {
		t.Fatal(err)
	}
	git := func(args ...string) {
		t.Helper()
		c := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=x", "-c", "user.email=x@x", "-c", "core.hooksPath=" + os.DevNull}, args...)...)
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	git("init", "-q")
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module x\n\ngo 1.26\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, rate := range []string{"2e6", "1e6"} {
		source := "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(`{\"throughput_msgs_per_s\": " + rate + "}`) }\n"
		if err := os.WriteFile(main, []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
		git("add", ".")
		git("commit", "-q", "-m", "rate "+rate)
	}
	return dir
}

func TestTheTreeIsComparedWithTheCommitBeforeItAndNothingIsLeft(t *testing.T) {
	dir := repository(t)
	t.Chdir(dir)
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	lost, err := run(t.Context(), []string{"-pairs", "10", "-cells", "throughput-1K"})
	if err != nil || !lost {
		t.Errorf("twice as slow: lost %v, %v", lost, err)
	}
	lost, err = run(t.Context(), []string{"-pairs", "9", "-cells", "throughput-1K"})
	if err != nil || lost {
		t.Errorf("too few pairs: lost %v, %v", lost, err)
	}
	lost, err = run(t.Context(), []string{"HEAD", "-pairs", "10", "-cells", "throughput-1K"})
	if err != nil || lost {
		t.Errorf("the same commit: lost %v, %v", lost, err)
	}
	if _, err := run(t.Context(), []string{"nowhere"}); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("a commit that is not there: %v", err)
	}
	if _, err := run(t.Context(), []string{"-cells", "throughput-64-time"}); err == nil || !strings.Contains(err.Error(), "rate 2e6") || !strings.Contains(err.Error(), "no ratio to the bare stream") {
		t.Errorf("a commit whose buscat knows no ratio: %v", err)
	}
	for list, want := range map[string]string{"throughput-1K,no-such": `"no-such"`, "throughput-1K,": `""`, ",": `""`} {
		if _, err := run(t.Context(), []string{"-cells", list}); err == nil || !strings.Contains(err.Error(), "-cells "+want) {
			t.Errorf("%s: a cell that is not there: %v", list, err)
		}
	}
	if names, err := os.ReadDir(tmp); err != nil || len(names) > 0 {
		t.Errorf("%v %v are left", names, err)
	}
	if out, err := exec.Command("git", "worktree", "list").Output(); err != nil || strings.Count(string(out), "\n") != 1 {
		t.Errorf("worktrees: %s %v", out, err)
	}
}
