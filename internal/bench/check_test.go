//go:build linux

package bench

import (
	"reflect"
	"strings"
	"testing"

	"shmbus/bus"
)

func TestTheSumTellsFramesApart(t *testing.T) {
	for size := 1; size <= 200; size++ {
		b := make([]byte, size)
		for _, count := range []uint64{1, 2, 255, 256, 1 << 40} {
			stamp(b, count)
			if got, want := sum(b), summed(size, count); got != want {
				t.Fatalf("size %d, frame %d: %d, want %d", size, count, got, want)
			}
		}
		for i := range b { // every byte is read
			b[i] ^= 0x55
			if sum(b) == summed(size, 1<<40) {
				t.Fatalf("size %d: byte %d does not matter", size, i)
			}
			b[i] ^= 0x55
		}
	}
}

// A broken stream must not pass as a good one.
func TestWhatIsWrongWithAStreamIsFound(t *testing.T) {
	for _, c := range []struct {
		name   string
		counts []uint64 // that the frames carry; the first of two publishers sends them
		size   int
		other  bool // the checker has not seen the first frame
		want   string
	}{
		{"right", []uint64{1, 2, 3}, 64, false, ""},
		{"one missing in the payload", []uint64{1, 3}, 64, false, "is not what was published"},
		{"twice", []uint64{1, 1}, 64, false, "is not what was published"},
		{"another size", []uint64{1}, 72, false, "72 bytes"},
		{"the first has not come", []uint64{1, 2}, 64, true, "where frame 1 should"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, err := bus.Open(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			p, err := b.Publisher("t", bus.WithTopic(lossless))
			if err != nil {
				t.Fatal(err)
			}
			s, err := b.Subscribe(t.Context(), "t", bus.Lossless())
			if err != nil {
				t.Fatal(err)
			}
			check := checker{last: &source{}, size: 64, lossless: true}
			for i, n := range c.counts {
				frame := make([]byte, c.size)
				stamp(frame, n)
				if err := p.Publish(t.Context(), frame); err != nil {
					t.Fatal(err)
				}
				f, err := s.Receive(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if !c.other || i > 0 {
					err = check.frame(f)
				}
				f.Release()
				switch last := i == len(c.counts)-1; {
				case last && c.want == "" && err != nil, !last && err != nil:
					t.Fatal(err)
				case last && c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
					t.Fatalf("%v, want %q", err, c.want)
				}
			}
		})
	}
}

func TestWhatIsLostIsCounted(t *testing.T) {
	b, err := bus.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	p, err := b.Publisher("t", bus.WithTopic(bus.TopicOptions{Slots: 16}))
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.Subscribe(t.Context(), "t")
	if err != nil {
		t.Fatal(err)
	}
	e := &end{pub: p, sub: s, check: checker{last: &source{}, size: 64}}
	j := Job{Size: 64, Batch: 1}
	e.makeFrames(j)
	if err := e.one(1000, j); err != nil {
		t.Fatal(err)
	}
	r, err := e.receive(t.Context(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	if r.Frames == 0 || r.Frames > 16 || r.Frames+r.Lost != 1000 {
		t.Fatalf("%+v", r)
	}
}

// TestBatchesAreTakenAlsoWhereFramesAreLost, and each frame has come or is counted, whoever published last.
func TestBatchesAreTakenAlsoWhereFramesAreLost(t *testing.T) {
	b, err := bus.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := b.CreateTopic("t/ping", bus.TopicOptions{Slots: 64}); err != nil {
		t.Fatal(err)
	}
	o := order{Topic: "t", Job: Job{Topic: &bus.TopicOptions{}, Size: 64, Batch: 8}}
	var publishers [2]*side
	for i := range publishers {
		publishers[i] = &side{bus: b, ends: make(map[string]*end)}
	}
	subscriber := &side{bus: b, ends: make(map[string]*end)}
	for _, n := range [][2]uint64{{1000, 1000}, {1000, 20}, {20, 1000}, {0, 10}, {30, 0}} {
		o.N = n[0] + n[1]
		take, err := receive(subscriber, o)
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range publishers {
			mine := o
			mine.N = n[i]
			send, err := publish(p, mine)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := send(); err != nil {
				t.Fatal(err)
			}
		}
		r, err := take()
		if err != nil {
			t.Fatalf("%v: %v", n, err)
		}
		if r.Frames == 0 || r.Frames > 64 || r.Frames+r.Lost != o.N {
			t.Errorf("%v: %+v", n, r)
		}
	}
	if e := subscriber.end("t/ping"); reflect.ValueOf(&e.batch).Elem().IsZero() {
		t.Error("no batch was ever taken")
	}
}
