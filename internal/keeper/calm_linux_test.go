package keeper

import (
	"os"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/internal/testproc"
	"shmbus/plugins"
)

// gaps reads from $bus/stats what is told of the bus, and gives the times between.
func gaps(t *testing.T, s *bus.Subscriber) func() time.Duration {
	var last time.Time
	next := func() (gap time.Duration) {
		t.Helper()
		for {
			f, err := s.Receive(soon(t))
			must(t, err)
			var x BusStats
			err = f.Decode(&x)
			f.Release()
			if err == nil && x.Bus != "" {
				gap, last = x.Time.Sub(last), x.Time
				return gap
			}
		}
	}
	next()
	return next
}

func TestACalmBusIsLookedAtLessOftenUntilSomethingHappens(t *testing.T) {
	b := newBus(t)
	h := testproc.Start(t, "publish", b.Dir(), "t")
	h.Expect("open")
	const interval = 200 * time.Millisecond
	k := newKeeper(t, b, Config{Interval: plugins.Duration(interval)}, nil)
	must(t, k.tell())
	s, err := b.Subscribe(soon(t), plugins.TopicStats, bus.FromOldest())
	must(t, err)
	defer s.Close()
	run(t, k)
	next := gaps(t, s)
	calm := func(yes bool) func() bool {
		return func() bool { return next() > 2*interval == yes }
	}
	for range calmAfter - 2 {
		if gap := next(); gap > 2*interval {
			t.Logf("a gap of %v at the beginning: the machine is busy", gap)
		}
	}
	eventually(t, "it is calm", calm(true))
	if gap := next(); gap < 2*interval {
		t.Errorf("when it is calm a gap is %v", gap)
	}
	h.Say("1")
	h.Expect("done")
	eventually(t, "a frame is seen", calm(false))
	eventually(t, "it is calm again", calm(true))
	gone := time.Now()
	h.Kill()
	eventually(t, "a death is seen", calm(false))
	if took := time.Since(gone); took > calmPace*interval {
		t.Logf("it took %v: the machine is busy", took)
	}
}

func TestABusThatCannotBeWatchedIsNeverCalm(t *testing.T) {
	dir := t.TempDir()
	c := newCalm(dir)
	defer c.end()
	quiet := func() time.Duration {
		for range 2 * calmAfter {
			c.looked(false)
		}
		return c.pace(time.Second)
	}
	if p := quiet(); p != calmPace*time.Second {
		t.Errorf("the pace is %v", p)
	}
	must(t, os.Remove(dir))
	if p := quiet(); p != time.Second {
		t.Errorf("without a directory the pace is %v", p)
	}
	must(t, os.Mkdir(dir, 0o755))
	if p := quiet(); p != calmPace*time.Second {
		t.Errorf("with another directory the pace is %v", p)
	}
	must(t, os.WriteFile(dir+"/main.lease", nil, 0o600))
	select {
	case <-c.stirred:
	case <-time.After(time.Minute):
		t.Error("of the other directory nothing is told")
	}
	c.looked(true)
	if p := c.pace(time.Second); p != time.Second {
		t.Errorf("when something has happened the pace is %v", p)
	}
}
