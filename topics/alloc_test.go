package topics

import (
	"errors"
	"testing"
)

// TestTheDataPathAllocatesNothing: claims, commits, batches, borrowing, releasing, and copying with a warm buffer.
func TestTheDataPathAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	r := heapRing(t, Geometry{Slots: 1024, Policy: PolicyLossless})
	w := mustWriter(t, r, 1)
	gate := mustReader(t, r, Gate, Newest(), 1)
	tap := mustReader(t, r, Tap, Newest(), 1)
	lossy := mustReader(t, r, Lossy, Newest(), 1)
	var f Frame
	buf := make([]byte, 0, 256)
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	ps := make([][]byte, 8)
	for i := range ps {
		ps[i] = make([]byte, 100)
	}
	read := func() {
		var err error
		for {
			if _, err = gate.Borrow(&f); err != nil {
				break
			}
			gate.Release(gate.Position())
		}
		gate.Store(gate.Position())
		for _, rd := range []*Reader{tap, lossy} {
			for err = nil; err == nil; {
				buf, err = rd.Copy(&f, buf)
			}
			if !errors.Is(err, ErrEmpty) {
				t.Fatal(err)
			}
			rd.Idle()
		}
	}
	for _, c := range []struct {
		name string
		f    func()
	}{
		{"claim and commit", func() { must(w.Claim(64)); w.Commit(64, KindRaw, 1) }},
		{"claim and abort", func() { must(w.Claim(200)); w.Abort() }},
		{"batch", func() { _, err := w.Batch(ps, KindRaw, 1); must(err) }},
		{"lost count", func() { tap.Lost() }},
	} {
		if n := testing.AllocsPerRun(200, func() { c.f(); read() }); n != 0 {
			t.Errorf("%s, and reading it: %v allocations", c.name, n)
		}
	}
	// Refusals are as frequent as frames when a topic is busy.
	full := heapRing(t, Geometry{Slots: 4, Policy: PolicyLossless})
	fw := mustWriter(t, full, 1)
	mustReader(t, full, Gate, Newest(), 1)
	for range 4 {
		mustSend(t, fw, "x")
	}
	if n := testing.AllocsPerRun(200, func() {
		if err := fw.Claim(1); err != ErrHeldByGate {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("a refusal: %v allocations", n)
	}
	if gate.Received() == 0 || tap.Received() != gate.Received() || lossy.Lost() != 0 {
		t.Errorf("received %d, %d and %d frames", gate.Received(), tap.Received(), lossy.Received())
	}
}
