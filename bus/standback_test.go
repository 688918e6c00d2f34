package bus

import (
	"testing"
	"time"

	"shmbus/wake"
)

// TestWhoGetsAnswersDoesNotDwell: frames that come alone, and a few pauses late, are answers; those that others follow are a stream, whenever they come.
func TestWhoGetsAnswersDoesNotDwell(t *testing.T) {
	b, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	if err := b.CreateTopic("t", TopicOptions{Policy: PolicyLossless}); err != nil {
		t.Fatal(err)
	}
	s, err := b.Subscribe(t.Context(), "t", Lossless(), Spin())
	if err != nil {
		t.Fatal(err)
	}
	if s.config.waiting != wake.Spin {
		t.Fatal("it does not spin")
	}
	s.pauses = 1 << 20 // so that a dwell is seen
	dwells := func(alone bool) bool {
		start := time.Now()
		s.dwell(alone)
		return time.Since(start) > 100*time.Microsecond
	}
	for i := range fewAlone + 1 {
		if !dwells(true) {
			t.Fatalf("it does not dwell after %d frames that came alone and at once", i)
		}
	}
	for i := range fewAlone {
		if s.alone != i {
			t.Fatalf("%d of %d are counted", s.alone, i)
		}
		s.pauses = 0 // this one's dwell does not matter
		s.late = true
		s.dwell(true)
	}
	s.pauses = 1 << 20
	if dwells(true) {
		t.Errorf("it dwells after %d frames that came alone and late", fewAlone)
	}
	if !dwells(false) {
		t.Error("it does not dwell when a stream has begun")
	}
	if dwells(true); s.alone != 0 {
		t.Error("those before the stream still count")
	}
}

// TestYieldsForNobodyBecomeRare: one in 64 is left, and as soon as somebody has wanted the CPU each is made again.
func TestYieldsForNobodyBecomeRare(t *testing.T) {
	s := new(Subscriber)
	for _, c := range []struct {
		took time.Duration
		left int
	}{{0, 1}, {longYield, 3}, {0, 7}, {0, 15}, {0, 31}, {0, 63}, {0, 63}, {longYield + 1, 0}, {time.Millisecond, 0}, {0, 1}} {
		s.yielded(c.took)
		if s.selfish != c.left {
			t.Errorf("after one of %v %d are left out, want %d", c.took, s.selfish, c.left)
		}
	}
	s.selfish = 2
	for want := 1; want >= 0; want-- {
		if s.yield(); s.selfish != want {
			t.Errorf("%d are still left out, want %d", s.selfish, want)
		}
	}
}
