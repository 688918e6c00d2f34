package topics

import (
	"testing"
)

// TestAReaderFindsHowFarAStreamHasCome: never further than that, and no less by more than a run.
func TestAReaderFindsHowFarAStreamHasCome(t *testing.T) {
	for _, slots := range []int{2, 8, 32, 64, 512} {
		for _, batches := range []bool{false, true} {
			overBoth(t, func(t *testing.T, m memory) {
				wr, rr := m.open(t, Geometry{Slots: slots, CellSize: 64, Policy: PolicyLossless})
				w, rd := mustWriter(t, wr, 1), mustReader(t, rr, Gate, Newest(), 2)
				var f Frame
				for i := range 3*slots + 5 {
					ahead := uint64(i*7%slots + 1) // frames that are there
					for k := uint64(0); k < ahead; {
						n := 1
						if batches {
							n = int(min(ahead-k, mostRun, uint64(max(1, slots/4))))
						}
						mustBatch(t, w, alike(0, n, 8)...)
						k += uint64(n)
					}
					end := rd.Position() + ahead
					for n := uint64(0); n <= uint64(slots); n++ {
						got, block := rd.Reaches(n), wr.block()
						want := (rd.Position() + n) &^ (block - 1)
						if want >= end {
							want = 0
						}
						if got != want && rd.Position() <= want {
							t.Fatalf("%d slots, batches %v: %d frames from %d on, and %d ahead is said to be %d, want %d", slots, batches, ahead, rd.Position(), n, got, want)
						}
						if got >= end {
							t.Fatalf("%d slots, batches %v: %d ahead of %d is said to be %d, above the tail, %d", slots, batches, n, rd.Position(), got, end)
						}
					}
					for rd.Position() < end {
						if _, err := rd.BorrowMany([]*Frame{&f}, 0); err != nil {
							t.Fatal(err)
						}
					}
					rd.Store(rd.Position())
				}
			})
		}
	}
}

// TestFramesThatWereOfAnotherRunAreDescribedAnew: the same Frames go from run to run, to single frames, and from one reader to another.
func TestFramesThatWereOfAnotherRunAreDescribedAnew(t *testing.T) {
	overBoth(t, func(t *testing.T, m memory) {
		var ends [2]struct {
			w  *Writer
			rd *Reader
		}
		for i := range ends {
			wr, rr := m.open(t, Geometry{Slots: 256, CellSize: 64 << i, Policy: PolicyLossless})
			ends[i].w, ends[i].rd = mustWriter(t, wr, 1), mustReader(t, rr, Gate, Newest(), 2)
		}
		fs := each(make([]Frame, 8))
		for i := range 400 {
			e := &ends[i/3%2]
			n, size, kind, time := 1+i%9, 8+8*(i/5%5), Kind(i/7%2), int64(i/11%2)
			if sent, err := e.w.Batch(alike(i, n, size), kind, time); sent != n || err != nil {
				t.Fatal(sent, err)
			}
			for got := 0; got < n; {
				k, err := e.rd.BorrowMany(fs, 0)
				if err != nil {
					t.Fatal(err)
				}
				for j, f := range fs[:k] {
					want := string(alike(i+got+j, 1, size)[0])
					if string(f.Payload) != want || cap(f.Payload) != size || f.Length() != size || f.Kind() != kind || f.Time() != time || f.Span != 1 || f.Publisher() != e.w.ID() || !f.Held {
						t.Fatalf("frame %d of %d, %d bytes, kind %v, time %d: %+v", got+j, n, size, kind, time, f)
					}
					if f.Position != e.rd.Position()-uint64(k-j) || f.Sequence() != f.Position+1 {
						t.Fatalf("frame %d of %d lies at %d and has sequence %d, the reader stands at %d", got+j, n, f.Position, f.Sequence(), e.rd.Position())
					}
					f.Held = false
				}
				got += k
			}
			e.rd.Store(e.rd.Position())
		}
	})
}
