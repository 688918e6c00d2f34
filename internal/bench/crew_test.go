//go:build linux

package bench

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/internal/tempdir"
)

// left wants nothing to be left of a crew.
func left(t *testing.T, c *Crew) {
	t.Helper()
	if _, err := os.Stat(c.dir.Path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", c.dir.Path, err)
	}
}

func TestAnErrorOfOneProcessEndsTheJob(t *testing.T) {
	c, err := Start(t.Context(), CrewSpec{Publishers: 2, Subscribers: 1, Stderr: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	task, err := c.Task(Throughput(with(lossless, func(o *bus.TopicOptions) { o.Exclusive = true })))
	if err != nil {
		t.Fatal(err)
	}
	_, err = task.Run(100)
	if err == nil || !strings.Contains(err.Error(), "of the benchmark: ") || !strings.Contains(err.Error(), "one publisher") {
		t.Errorf("two publishers on an exclusive topic: %v", err)
	}
	c.Close()
	left(t, c)
}

func TestWhatIsMissingForACrewIsSaid(t *testing.T) {
	for errno, want := range map[syscall.Errno]string{
		syscall.ENOSPC: "give the tmpfs more",
		syscall.EACCES: "let this user write there",
		syscall.EROFS:  "let this user write there",
		syscall.EMFILE: "ulimit -n",
	} {
		err := unplaced(&os.PathError{Op: "open", Path: "/a/file", Err: errno})
		if !errors.Is(err, errno) {
			t.Errorf("%v is not %v", err, errno)
		}
		for _, want := range []string{tempdir.Memory(), "/a/file", want} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
		}
	}
	if err := scarce(syscall.EAGAIN); !errors.Is(err, syscall.EAGAIN) || !strings.Contains(err.Error(), "ulimit -u") {
		t.Error(err)
	}
}

func TestACrewEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c, err := Start(ctx, CrewSpec{Publishers: 1, Subscribers: 1, Stderr: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	for _, m := range c.people {
		for r := range m.heard {
			t.Errorf("%v has said %+v", m, r)
		}
	}
	c.Close()
	left(t, c)
	if _, err := Measure(ctx, Spec{CrewSpec: CrewSpec{Publishers: 1, Subscribers: 1}}); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}

// TestAProcessThatIsStoppedEndsWithItsContext: it is told nothing until it goes on, which it may never.
func TestAProcessThatIsStoppedEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c, err := Start(ctx, CrewSpec{Publishers: 1, Subscribers: 1, Stderr: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.people[1].cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	cancel()
	for _, m := range c.people {
		select {
		case r, ok := <-m.heard:
			if ok {
				t.Errorf("%v has said %+v", m, r)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%v is there still", m)
		}
	}
}

// TestACrewRemovesWhatOthersHaveLeft: a leader that was killed before it had a process leaves a directory. That of a crew stays.
func TestACrewRemovesWhatOthersHaveLeft(t *testing.T) {
	left, err := os.MkdirTemp(tempdir.Memory(), dirPrefix)
	if err != nil {
		t.Fatal(err)
	}
	var crews [2]*Crew
	for i := range crews {
		if crews[i], err = Start(t.Context(), CrewSpec{Publishers: 1, Subscribers: 1, Stderr: os.Stderr}); err != nil {
			t.Fatal(err)
		}
		defer crews[i].Close()
	}
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", left, err)
	}
	for _, c := range crews {
		if _, err := os.Stat(filepath.Join(c.dir.Path, "bare")); err != nil {
			t.Error(err)
		}
	}
}

func TestAMeasurementHasAllItsTurns(t *testing.T) {
	for _, mode := range []string{ThroughputMode, LatencyMode} {
		told := 0
		r, err := Measure(t.Context(), Spec{
			CrewSpec: CrewSpec{Publishers: 1, Subscribers: 2, Bus: filepath.Join(t.TempDir(), "bus"), Stderr: os.Stderr},
			Mode:     mode, Size: 100, Batch: 1, Topic: lossless, Wait: Adaptive, Turns: 3, Count: 500,
			Progress: func(int) { told++ },
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Turns) != 3 || told != 3 {
			t.Fatalf("%d turns, told %d times", len(r.Turns), told)
		}
		if n := r.Sum(func(o *Outcome) uint64 { return o.Received }); n != 1000 {
			t.Errorf("%s: two subscribers have received %d frames of 500", mode, n)
		}
		if n := r.All().Count(); mode == LatencyMode && n != 500 {
			t.Errorf("%d round trips", n)
		}
		for _, s := range []Series{r.Rates(), r.StreamRates(), r.Lines(), r.Rings()} {
			if s.Least() <= 0 {
				t.Errorf("%s: %v", mode, s)
			}
		}
	}
}

// TestATurnHasAWholeBatch of each publisher, also where its time is too short for that.
func TestATurnHasAWholeBatch(t *testing.T) {
	const batch = 65536
	r, err := Measure(t.Context(), Spec{
		CrewSpec: CrewSpec{Publishers: 2, Subscribers: 1, Stderr: os.Stderr},
		Mode:     ThroughputMode, Size: 256, Batch: batch, Topic: bus.TopicOptions{CellSize: 256}, Wait: Adaptive, Turns: 4, Duration: time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, turn := range r.Turns {
		if turn.Published < 2*batch {
			t.Errorf("turn %d has %d frames", i+1, turn.Published)
		}
	}
}

func TestNobodyJoinsACrewByAccident(t *testing.T) {
	dir := t.TempDir()
	if err := serve(dir); err == nil || !strings.Contains(err.Error(), "unset it") {
		t.Error(err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Error(err)
	}
}
