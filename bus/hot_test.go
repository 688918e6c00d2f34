package bus

import (
	"context"
	"testing"

	"shmbus/internal/testproc"
)

// hotPath opens a bus in memory with one topic.
func hotPath(b *testing.B, o TopicOptions) (*Bus, *Publisher) {
	b.Helper()
	bus, err := Open(testproc.MemoryDir(b))
	if err != nil {
		b.Fatal(err)
	}
	p, err := bus.Publisher("hot", WithTopic(o))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { bus.Close() })
	b.ReportAllocs()
	return bus, p
}

func BenchmarkPublish(b *testing.B) {
	for _, c := range []struct {
		name string
		o    TopicOptions
	}{
		{"no-time", TopicOptions{NoTime: true}},
		{"time", TopicOptions{}},
		{"exclusive-no-time", TopicOptions{NoTime: true, Exclusive: true}},
		{"lossless-no-time", TopicOptions{NoTime: true, Policy: PolicyLossless}},
	} {
		b.Run(c.name, func(b *testing.B) {
			_, p := hotPath(b, c.o)
			ctx := context.Background()
			var frame [64]byte
			for b.Loop() {
				if err := p.Publish(ctx, frame[:]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPublishBatchOf32(b *testing.B) {
	_, p := hotPath(b, TopicOptions{NoTime: true})
	ctx := context.Background()
	var frames [32][64]byte
	var batch [32][]byte
	for i := range batch {
		batch[i] = frames[i][:]
	}
	for b.Loop() {
		if _, err := p.PublishBatch(ctx, batch[:]); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/32, "ns/frame")
}

func BenchmarkLoan(b *testing.B) {
	_, p := hotPath(b, TopicOptions{NoTime: true})
	ctx := context.Background()
	for b.Loop() {
		l, err := p.Loan(ctx, 64)
		if err != nil {
			b.Fatal(err)
		}
		l.Bytes()[0]++
		if err := l.Commit(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	_, p := hotPath(b, TopicOptions{NoTime: true})
	ctx := context.Background()
	type reading struct {
		Sensor  string
		Celsius float64
		Count   int
	}
	v := &reading{"imu/0", 21.5, 7}
	for b.Loop() {
		v.Count++
		if err := p.Encode(ctx, v); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReceive receives frames that are waiting: each turn of the loop is one frame of a full ring.
func BenchmarkReceive(b *testing.B) {
	for _, c := range []struct {
		name string
		opt  SubscribeOption
	}{{"lossless", Lossless()}, {"lossy", Lossy()}, {"tap", ReadOnly()}} {
		b.Run(c.name, func(b *testing.B) {
			bus, p := hotPath(b, TopicOptions{NoTime: true, Policy: PolicyLossless})
			ctx := context.Background()
			s, err := bus.Subscribe(ctx, "hot", c.opt)
			if err != nil {
				b.Fatal(err)
			}
			var frame [64]byte
			waiting := 0
			for b.Loop() {
				if waiting == 0 {
					b.StopTimer()
					for waiting < 7000 && p.TryPublish(frame[:]) == nil {
						waiting++
					}
					b.StartTimer()
				}
				f, err := s.Receive(ctx)
				if err != nil {
					b.Fatal(err)
				}
				f.Release()
				waiting--
			}
		})
	}
}

// BenchmarkReceiveBatchOf32 receives what is waiting 32 at once, of frames published one by one and of runs.
func BenchmarkReceiveBatchOf32(b *testing.B) {
	for _, c := range []struct {
		name string
		fill func(p *Publisher, frames [][]byte) error
	}{
		{"singles", func(p *Publisher, frames [][]byte) error {
			for _, f := range frames {
				if err := p.TryPublish(f); err != nil {
					return err
				}
			}
			return nil
		}},
		{"runs", func(p *Publisher, frames [][]byte) error {
			_, err := p.PublishBatch(context.Background(), frames)
			return err
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			bus, p := hotPath(b, TopicOptions{NoTime: true, Policy: PolicyLossless})
			ctx := context.Background()
			s, err := bus.Subscribe(ctx, "hot", Lossless())
			if err != nil {
				b.Fatal(err)
			}
			frames, received := make([][]byte, 32), Batch{}
			for i := range frames {
				frames[i] = make([]byte, 64)
			}
			waiting, got, bytes := 0, 0, 0
			for b.Loop() {
				if waiting == 0 {
					b.StopTimer()
					for ; waiting < 7000; waiting += len(frames) {
						if err := c.fill(p, frames); err != nil {
							b.Fatal(err)
						}
					}
					b.StartTimer()
				}
				if err := s.ReceiveBatch(ctx, &received); err != nil {
					b.Fatal(err)
				}
				for i := range received.Len() {
					bytes += len(received.Bytes(i))
				}
				got += received.Len()
				waiting -= received.Len()
				received.Release()
			}
			if bytes != 64*got {
				b.Fatalf("%d bytes in %d frames", bytes, got)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(got), "ns/frame")
		})
	}
}
