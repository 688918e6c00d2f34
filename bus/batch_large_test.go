package bus_test

import (
	"testing"

	"shmbus/bus"
)

// TestABatchEndsWithALargeFrameAlsoIfItWasReadAhead: where a frame of one slot may be large, several are read at once.
func TestABatchEndsWithALargeFrameAlsoIfItWasReadAhead(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", bus.WithTopic(bus.TopicOptions{Policy: bus.PolicyLossless, Slots: 512, CellSize: 8192}))
	s := subscribe(t, b, "t", bus.Lossless())
	small, large := make([]byte, 10), make([]byte, 5000)
	const frames = 400
	for i := range frames {
		payload := small
		if i%16 >= 13 {
			payload = large
		}
		noError(t, p.Publish(soon(t), payload))
	}
	var batch bus.Batch
	most := 0
	for n := 0; n < frames; n += batch.Len() {
		noError(t, s.ReceiveBatch(soon(t), &batch))
		most = max(most, batch.Len())
		for i := range batch.Len() - 1 {
			if len(batch.Bytes(i)) > 4<<10 {
				t.Fatalf("frame %d of %d is large", i, batch.Len())
			}
		}
	}
	if most < 14 {
		t.Errorf("the longest batch has %d frames, want 14", most)
	}
}
