package bus_test

import (
	"context"
	"encoding/binary"
	"errors"
	"testing"

	"shmbus/bus"
)

// TestTheLastFrameOfABurstComes: a lossy subscription may miss most of a burst that laps it again and again, but never its last frame:
// nothing comes after that would tell it how things stand. All that it missed is counted when the last frame is there.
func TestTheLastFrameOfABurstComes(t *testing.T) {
	const frames = 2000
	bursts := uint64(300)
	if testing.Short() {
		bursts = 30
	}
	for name, wait := range map[string]bus.SubscribeOption{"spin": bus.Spin(), "adaptive": bus.Lossy(), "block": bus.Block()} {
		t.Run(name, func(t *testing.T) {
			b, ctx := newBus(t), soon(t)
			p := publisher(t, b, "t", overwriteRing(2))
			s := subscribe(t, b, "t", wait)
			for burst := range bursts {
				sent := make(chan error, 1)
				go func() {
					for i := range uint64(frames) {
						if err := p.Publish(ctx, binary.LittleEndian.AppendUint64(nil, burst*frames+i+1)); err != nil {
							sent <- err
							return
						}
					}
					sent <- nil
				}()
				for last := uint64(0); last < (burst+1)*frames; {
					f, err := s.Receive(ctx)
					if errors.Is(err, context.DeadlineExceeded) {
						t.Fatalf("burst %d: frame %d was the last that came, of %d; %+v", burst, last, (burst+1)*frames, s.Stats())
					}
					if err != nil {
						t.Fatal(err)
					}
					last = binary.LittleEndian.Uint64(f.Bytes())
					f.Release()
				}
				if err := <-sent; err != nil {
					t.Fatal(err)
				}
				if st := s.Stats(); st.Received+st.Lost != (burst+1)*frames {
					t.Fatalf("burst %d: %+v, of %d frames", burst, st, (burst+1)*frames)
				}
			}
		})
	}
}
