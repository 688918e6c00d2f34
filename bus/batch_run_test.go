package bus_test

import (
	"testing"

	"shmbus/bus"
)

// All that was published together comes at once, also to who sees a run for the first time.
func TestABatchHasAllOfARun(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", losslessRing(1024))
	s := subscribe(t, b, "t", bus.Lossless())
	var batch bus.Batch
	for turn := range 5 {
		publishRun(t, p, 32)
		noError(t, s.ReceiveBatch(soon(t), &batch))
		if batch.Len() != 32 {
			t.Fatalf("in turn %d %d frames of 32", turn, batch.Len())
		}
	}
}

// What was published together across the end of a block is two runs, and each of them is a batch, also one that is short.
func TestABatchAcrossABlockIsTwo(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", losslessRing(1024))
	s := subscribe(t, b, "t", bus.Lossless())
	var batch bus.Batch
	publishRun(t, p, 30)
	noError(t, s.ReceiveBatch(soon(t), &batch))
	for range 10 {
		publishRun(t, p, 32)
		for _, want := range []int{2, 30} {
			noError(t, s.ReceiveBatch(soon(t), &batch))
			if batch.Len() != want {
				t.Fatalf("%d frames at %d, want %d", batch.Len(), batch.Position(0), want)
			}
		}
	}
}
