package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"shmbus/bus"
)

// used is the processor time of all threads of a process, as the scheduler counts it.
func used(t *testing.T, pid int) (d time.Duration) {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(threads) == 0 {
		t.Skipf("the kernel does not tell how long threads have run: %v", err)
	}
	for _, path := range threads {
		b, err := os.ReadFile(path)
		if err != nil { // it has just ended
			continue
		}
		ns, err := strconv.ParseInt(string(bytes.Fields(b)[0]), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		d += time.Duration(ns)
	}
	return d
}

func TestAnIdleBusdTakesNoProcessorTime(t *testing.T) {
	length, most := 3*time.Second, 0.01
	if os.Getenv("SHMBUS_LONG") != "" {
		length, most = 30*time.Second, 0.001
	}
	r := newRig(t)
	b, err := bus.Open(filepath.Join(r.top, "bus"))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for i := range 10 {
		if err := b.CreateTopic(fmt.Sprint("t/", i), bus.TopicOptions{Slots: 16}); err != nil {
			t.Fatal(err)
		}
	}
	p := r.start()
	eventually(t, "it has started", func() bool { _, err := os.Stat(r.place.Control()); return err == nil })
	for turn := 1; ; turn++ { // on a busy machine everything takes longer, this too
		time.Sleep(time.Second) // not synchronisation: what starting takes is not to be measured
		start, before := time.Now(), used(t, p.Process.Pid)
		time.Sleep(length) // not synchronisation: the time that is measured
		share := float64(used(t, p.Process.Pid)-before) / float64(time.Since(start))
		t.Logf("%.3f %% of a processor", 100*share)
		if share < most {
			return
		}
		if turn == 4 {
			t.Fatalf("%.3f %% of a processor in the last of %d turns, at most %.3f %%", 100*share, turn, 100*most)
		}
	}
}
