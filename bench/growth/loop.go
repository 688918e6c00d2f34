//go:build linux

package growth

import (
	"context"

	"shmbus/internal/bench"
)

// loop is Gaps without a bus on the subscriber's side: what a Go program sees of its scheduler, its garbage collector and the kernel. The
// publisher is the same, so that the other processor is as busy.
func loop(p bench.Place, a GapsArgs) (bench.Part, error) {
	me, c := new(part), newClock()
	if !p.Subscriber {
		pub, err := me.publisher(p.Bus, p.Topic, gapRing)
		if err != nil {
			return nil, err
		}
		s := &sender{pub: pub}
		return me.publishes(p, a, c, func(word uint64) error { return s.send(context.Background(), word) })
	}
	return me.measured(p, a, func(n uint64, h *bench.Histogram) error {
		for next := c.now(); n > 0; n-- {
			next += a.draw()
			h.Record(uint64(c.until(next) - next))
		}
		return nil
	})
}
