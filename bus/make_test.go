package bus

import (
	"fmt"
	"testing"

	"shmbus/internal/testproc"
)

// BenchmarkCreateTopic makes one topic more where there are so many, and removes it.
func BenchmarkCreateTopic(b *testing.B) {
	for _, n := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprint("beside-", n), func(b *testing.B) {
			bus, err := Open(testproc.MemoryDir(b))
			if err != nil {
				b.Fatal(err)
			}
			defer bus.Close()
			small := TopicOptions{Slots: 8, CellSize: 64, MaxPublishers: 1, MaxSubscribers: 1}
			name := func(i int) string { return fmt.Sprintf("robot/arm/joint/%04d", i) }
			for i := range n {
				if err := bus.CreateTopic(name(i), small); err != nil {
					b.Fatal(err)
				}
			}
			last := name(n)
			for b.Loop() {
				if err := bus.CreateTopic(last, small); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if err := bus.RemoveTopic(last); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}
