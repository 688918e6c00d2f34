//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"shmbus/internal/bench"
)

// benchProcess is a buscat bench that runs beside the test, on a bus of its own.
func benchProcess(t *testing.T, args ...string) (*process, *lockedBuffer) {
	t.Helper()
	p, out := &process{Cmd: exec.Command("buscat", append([]string{"bench"}, args...)...), t: t}, &lockedBuffer{}
	p.Stdout, p.Stderr = out, &p.err
	p.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0") // with the race detector each of many processes would end a second late
	return p, out
}

// Each is small: it is about what comes out, not about how fast.
func TestBenchMeasuresAndChecks(t *testing.T) {
	const n = 2000
	for _, args := range []string{
		"",
		"--wait spin",
		"--wait adaptive --publishers 2 --subscribers 2",
		"--wait block --subscribers 2 --pin=false",
		"--batch 32 --exclusive --wait adaptive",
		"--batch 7 --publishers 3 --wait block --time",
		"--size 1 --wait adaptive",
		"--size 7",
		"--size 1001B --cell 64 --slots 512",
		"--size 64KiB --wait adaptive",
		"--policy overwrite --slots 16",
		"--policy overwrite --slots 16 --publishers 2 --subscribers 2 --wait block",
		"--policy overwrite --batch 16 --wait adaptive",
		"--mode latency",
		"--mode latency --wait adaptive --time",
		"--mode latency --wait block --size 1KiB",
		"--mode latency --policy overwrite --subscribers 2 --wait adaptive",
		"--mode latency --exclusive --pin",
		"--mode latency --wait block --size 64KiB --early-wake",
	} {
		t.Run(args, func(t *testing.T) {
			svg := filepath.Join(t.TempDir(), "a.svg")
			p, out := benchProcess(t, append(strings.Fields(args), "--count", fmt.Sprint(n), "--turns", "2", "--json", "--svg", svg)...)
			p.start()
			p.ends(0)
			checkBenchJSON(t, []byte(out.String()), args, n)
			picture, err := os.ReadFile(svg)
			if err != nil {
				t.Fatal(err)
			}
			checkSVG(t, picture)
		})
	}
}

func checkBenchJSON(t *testing.T, text []byte, args string, n uint64) {
	t.Helper()
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(text, &keys); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	for _, k := range []string{
		"mode", "size", "publishers", "subscribers", "policy", "exclusive", "wait", "batch", "throughput_msgs_per_s",
		"throughput_bytes_per_s", "lost", "latency_ns", "calibration_ns", "calibration_msgs_per_s",
	} {
		if keys[k] == nil {
			t.Errorf("%q is missing in %s", k, text)
		}
	}
	if bytes.Count(text, []byte("\n")) != 1 {
		t.Errorf("more than one line: %s", text)
	}
	var j benchJSON
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&j); err != nil {
		t.Fatal(err)
	}
	if !(j.Messages > 0 && j.Bytes > 0 && j.Bare.Line > 0 && j.Bare.Ring > 0 && j.Stream > 0) || len(j.Turns) != 2 {
		t.Errorf("something was not measured: %s", text)
	}
	if strings.Contains(args, "latency") != (j.Latency != nil) {
		t.Fatalf("latency: %s", text)
	}
	if l := j.Latency; l != nil {
		if !(l.Min <= l.P50 && l.P50 <= l.P90 && l.P90 <= l.P99 && l.P99 <= l.P999 && l.P999 <= l.Max && l.Max > 0) {
			t.Errorf("quantiles do not rise: %s", text)
		}
	}
	if j.Published != n || j.Received+j.Lost != n*uint64(j.Subscribers) {
		t.Errorf("%d published, %d received by %d subscribers, %d lost", j.Published, j.Received, j.Subscribers, j.Lost)
	}
	if j.Policy == "lossless" && j.Lost != 0 {
		t.Errorf("lost on a lossless topic: %s", text)
	}
}

func TestAPictureThatCannotBeWrittenIsToldBeforeTheMeasurement(t *testing.T) {
	for _, svg := range []string{t.TempDir(), filepath.Join(t.TempDir(), "none", "a.svg")} {
		p, out := benchProcess(t, "--count", "100", "--turns", "1", "--svg", svg)
		p.start()
		p.ends(1)
		p.says("--svg: ")
		if out.String() != "" {
			t.Errorf("%s: it has measured: %s", svg, out.String())
		}
	}
}

func TestAPictureGoesIntoAPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	picture := make(chan []byte, 1)
	go func() {
		b, _ := io.ReadAll(r)
		picture <- b
	}()
	p, _ := benchProcess(t, "--count", "100", "--turns", "1", "--svg", "/dev/fd/3")
	p.ExtraFiles = []*os.File{w}
	p.start()
	w.Close()
	p.ends(0)
	checkSVG(t, <-picture)
}

// TestAStoppedTerminalDoesNotHoldUpTheEndOfABench: who presses Ctrl-S there, and ends it from elsewhere, leaves nothing of it.
func TestAStoppedTerminalDoesNotHoldUpTheEndOfABench(t *testing.T) {
	_, slave := openTerminal(t)
	ctx, cancel := context.WithCancel(t.Context())
	var spec bench.Spec
	(&app{errOut: slave}).progress(ctx, &spec)
	flow := func(what int) {
		if err := unix.IoctlSetInt(int(slave.Fd()), unix.TCXONC, what); err != nil {
			t.Fatal(err)
		}
	}
	flow(unix.TCOOFF)
	defer flow(unix.TCOON)
	cancel()
	told := make(chan struct{})
	go func() {
		spec.Progress(1)
		close(told)
	}()
	select {
	case <-told:
	case <-time.After(patience):
		t.Error("it waits for the terminal")
	}
}

// family waits until a bench has started its processes, and tells them and their place.
func family(t *testing.T, p *process, n int) (pids []string, dir string) {
	t.Helper()
	eventually(t, "the processes of the benchmark", func() bool {
		pids, dir = nil, ""
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", p.Process.Pid))
		for _, f := range tasks {
			b, _ := os.ReadFile(f)
			pids = append(pids, strings.Fields(string(b))...)
		}
		for _, pid := range pids {
			env, _ := os.ReadFile("/proc/" + pid + "/environ")
			for v := range strings.SplitSeq(string(env), "\x00") {
				if d, ok := strings.CutPrefix(v, "SHMBUS_BENCH_CREW="); ok {
					dir = d
				}
			}
		}
		_, err := os.Stat(filepath.Join(dir, "bus"))
		return len(pids) == n && dir != "" && err == nil // the topic is made after the calibration
	})
	return pids, dir
}

// gone waits until nothing is left of it.
func gone(t *testing.T, pids []string, dir string) {
	t.Helper()
	for _, pid := range pids {
		eventually(t, "process "+pid+" ends", func() bool {
			stat, err := os.ReadFile("/proc/" + pid + "/stat")
			return err != nil || strings.Contains(string(stat), ") Z ") // nobody has looked after it yet
		})
	}
	eventually(t, dir+" is removed", func() bool {
		_, err := os.Stat(dir)
		return os.IsNotExist(err)
	})
}

func TestABenchThatIsStoppedLeavesNothing(t *testing.T) {
	for _, c := range []struct {
		name   string
		signal syscall.Signal
		asleep bool // one of its processes is stopped
	}{
		{"interrupted", syscall.SIGINT, false},
		{"terminated", syscall.SIGTERM, false},
		{"killed", syscall.SIGKILL, false},
		{"terminated, with a stopped process", syscall.SIGTERM, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, out := benchProcess(t, "--count", "1000000000000", "--turns", "1", "--subscribers", "2", "--json")
			p.SysProcAttr = &syscall.SysProcAttr{Setpgid: c.signal == syscall.SIGINT} // in a group without a parent the kernel wakes who is stopped
			p.WaitDelay = patience                                                    // a child that is left has its standard error
			p.start()
			pids, dir := family(t, p, 3)
			if c.asleep {
				victim := processID(t, pids[0])
				if err := syscall.Kill(victim, syscall.SIGSTOP); err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = syscall.Kill(victim, syscall.SIGCONT) }) // it ends then at the latest
			}
			to := p.Process.Pid
			if c.signal == syscall.SIGINT {
				to = -to // Ctrl-C is told to all of them
			}
			if err := syscall.Kill(to, c.signal); err != nil {
				t.Fatal(err)
			}
			timer := time.AfterFunc(patience, func() { _ = p.Process.Kill() })
			_ = p.Wait()
			if !timer.Stop() {
				t.Fatal("it did not end by itself")
			}
			gone(t, pids, dir)
			if out.String() != "" {
				t.Errorf("it has printed %s", out.String())
			}
		})
	}
}

func processID(t *testing.T, pid string) int {
	t.Helper()
	n, err := strconv.Atoi(pid)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestABenchWhoseProcessDiesSaysSo(t *testing.T) {
	p, _ := benchProcess(t, "--count", "1000000000000", "--turns", "1", "--wait", "block")
	p.start()
	pids, dir := family(t, p, 2)
	if err := syscall.Kill(processID(t, pids[0]), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	p.ends(1)
	p.says("of the benchmark has ended: signal: killed")
	gone(t, pids, dir)
}

func TestABenchOnAGivenBusLeavesItAsItWas(t *testing.T) {
	b := openBus(t)
	p, err := b.Publisher("mine")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	c := command(t, b.Dir(), "bench", "--count", "2000", "--turns", "1", "--json")
	c.start()
	c.ends(0)
	all, err := b.Topics()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 1 || all[0].Name != "mine" {
		t.Fatalf("%+v", all)
	}
}

func TestWarningsAboutTooFewCPUs(t *testing.T) {
	crew := func(n int, cpus, bare []int) bench.CrewSpec {
		return bench.CrewSpec{Publishers: 1, Subscribers: n - 1, CPUs: cpus, BareCPUs: bare}
	}
	for _, c := range []struct {
		spec    bench.Spec
		allowed []int
		want    string
	}{
		{bench.Spec{CrewSpec: crew(2, []int{0, 1}, []int{0, 1}), Wait: bench.Spin}, []int{0, 1}, ""},
		{bench.Spec{CrewSpec: crew(3, nil, []int{0, 1}), Wait: bench.Spin}, []int{0, 1}, "3 processes spin on 2 CPUs"},
		{bench.Spec{CrewSpec: crew(3, nil, []int{0, 1}), Wait: bench.Block}, []int{0, 1}, "not pinned"},
		{bench.Spec{CrewSpec: crew(2, []int{0}, []int{0, 0}), Wait: bench.Spin}, []int{0}, "2 processes spin on 1 CPU:"},
		{bench.Spec{CrewSpec: crew(2, []int{0}, []int{0, 0}), Wait: bench.Block}, []int{0, 1}, "no calibration"},
	} {
		got := strings.Join(benchWarnings(c.spec, c.allowed), "\n")
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestARatioHasDigitsThatCount(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.00219: "0.0022", 0.512: "0.51", 1.5: "1.50", 18687.48: "18687"} {
		if got := ratio(v); got != want {
			t.Errorf("%v is %q, want %q", v, got, want)
		}
	}
}
