package bus_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"shmbus/bus"
)

// TestErrorsNameWhatWasTried: whatever is in the way of it.
func TestErrorsNameWhatWasTried(t *testing.T) {
	tries := []struct {
		op string
		do func(ctx context.Context, p *bus.Publisher) error
	}{
		{"publish to", func(ctx context.Context, p *bus.Publisher) error { return p.Publish(ctx, []byte("x")) }},
		{"publish to", func(ctx context.Context, p *bus.Publisher) error {
			_, err := p.PublishBatch(ctx, [][]byte{{1}, {2}})
			return err
		}},
		{"loan from", func(ctx context.Context, p *bus.Publisher) error {
			_, err := p.Loan(ctx, 1)
			return err
		}},
		{"encode to", func(ctx context.Context, p *bus.Publisher) error { return p.Encode(ctx, 1) }},
		{"encode to", func(ctx context.Context, p *bus.Publisher) error { return p.Encode(ctx, []any{1}) }},
	}
	b := newBus(t)
	p := publisher(t, b, "t", losslessRing(8))
	subscribe(t, b, "t", bus.Lossless())
	each := func(why string, want error) {
		t.Helper()
		for _, try := range tries {
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			err := try.do(ctx, p)
			cancel()
			if !errors.Is(err, want) || !strings.HasPrefix(err.Error(), "bus: "+try.op+` "t": `) {
				t.Errorf("%s: %v, want one of %q", why, err, try.op)
			}
		}
	}
	l := loan(t, p, 1)
	each("a loan is open", bus.ErrBusy)
	l.Abort()
	for p.TryPublish([]byte("x")) == nil {
	}
	each("the ring is full", context.DeadlineExceeded)
	noError(t, b.RemoveTopic("t"))
	each("the topic is removed", bus.ErrNoTopic)
	noError(t, p.Close())
	each("the publisher is closed", bus.ErrClosed)
}
