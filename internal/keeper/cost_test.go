package keeper

import (
	"fmt"
	"testing"

	"shmbus/internal/testproc"
)

// What busd does each second on a bus on which all topics are in use; the time over one second is its share of a core.
func BenchmarkCost(b *testing.B) {
	for _, n := range []int{0, 5, 100, 1000} {
		bb := newBus(b)
		crowd := testproc.Start(b, "crowd", bb.Dir(), fmt.Sprint(n))
		crowd.Expect("open")
		k := newKeeper(b, bb, Config{}, nil)
		must(b, k.tell())
		b.Run(fmt.Sprintf("sample/%dtopics", n), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				crowd.Say("publish")
				crowd.Expect("done")
				b.StartTimer()
				k.sampler.Sample(0)
			}
		})
		b.Run(fmt.Sprintf("tell/%dtopics", n), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				crowd.Say("publish")
				crowd.Expect("done")
				k.sampler.Sample(0)
				b.StartTimer()
				must(b, k.tell())
			}
		})
		b.Run(fmt.Sprintf("sweep/%dtopics", n), func(b *testing.B) {
			for b.Loop() {
				must(b, k.sweep(b.Context()))
			}
		})
		crowd.Wait()
	}
}
