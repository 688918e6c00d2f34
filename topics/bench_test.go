package topics

import (
	"runtime"
	"testing"
)

// benchRing is a ring over a mapping where there are any.
func benchRing(b *testing.B, g Geometry) (w, r *Ring) {
	b.Helper()
	ms := memories()
	return ms[len(ms)-1].open(b, g)
}

// benchWriters measures f, over and over, with the writer of each kind of topic.
func benchWriters(b *testing.B, f func(w *Writer) error) {
	for _, c := range []struct {
		name string
		g    Geometry
	}{
		{"shared", Geometry{}},
		{"lossless", Geometry{Policy: PolicyLossless}},
		{"exclusive", Geometry{Exclusive: true}},
	} {
		b.Run(c.name, func(b *testing.B) {
			r, _ := benchRing(b, c.g)
			w := mustWriter(b, r, 1)
			for b.Loop() {
				if err := f(w); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkClaimCommit64(b *testing.B) {
	benchWriters(b, func(w *Writer) error {
		if err := w.Claim(64); err != nil {
			return err
		}
		w.Commit(64, KindRaw, 0)
		return nil
	})
}

// BenchmarkBatch32 is per frame.
func BenchmarkBatch32(b *testing.B) {
	r, _ := benchRing(b, Geometry{})
	w := mustWriter(b, r, 1)
	ps := make([][]byte, 32)
	for i := range ps {
		ps[i] = make([]byte, 64)
	}
	b.ResetTimer()
	for i := 0; i < b.N; i += len(ps) {
		if n, err := w.Batch(ps, KindRaw, 0); n != len(ps) || err != nil {
			b.Fatal(n, err)
		}
	}
}

// fillRing commits n frames of 64 bytes.
func fillRing(b *testing.B, w *Writer, n int) {
	for range n {
		if err := w.Claim(64); err != nil {
			b.Fatal(err)
		}
		w.Commit(64, KindRaw, 0)
	}
}

func BenchmarkBorrowWaiting64(b *testing.B) {
	wr, rr := benchRing(b, Geometry{Policy: PolicyLossless})
	w := mustWriter(b, wr, 1)
	rd := mustReader(b, rr, Gate, Newest(), 1)
	n := wr.Geometry().Slots / 2
	var f Frame
	sum := 0
	for done := 0; done < b.N; done += n {
		b.StopTimer()
		fillRing(b, w, n)
		b.StartTimer()
		for range min(n, b.N-done) {
			p, err := rd.Borrow(&f)
			if err != nil {
				b.Fatal(err)
			}
			sum += int(p[0])
			rd.Release(rd.Position())
		}
		b.StopTimer()
		for {
			if _, err := rd.Borrow(&f); err != nil {
				break
			}
		}
		rd.Store(rd.Position())
		b.StartTimer()
	}
	if sum != 0 {
		b.Fatal("the frames were not empty")
	}
}

func BenchmarkCopyWaiting(b *testing.B) {
	wr, rr := benchRing(b, Geometry{})
	w := mustWriter(b, wr, 1)
	n := wr.Geometry().Slots / 2
	rd := mustReader(b, rr, Tap, Newest(), 1)
	buf := make([]byte, 64)
	var f Frame
	for done := 0; done < b.N; done += n {
		b.StopTimer()
		fillRing(b, w, n)
		b.StartTimer()
		for range n {
			var err error
			if buf, err = rd.Copy(&f, buf); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.SetBytes(64)
}

// BenchmarkStream64 is one writer and one lossless reader, each on a goroutine of its own.
func BenchmarkStream64(b *testing.B) {
	for _, exclusive := range []bool{false, true} {
		name := "shared"
		if exclusive {
			name = "exclusive"
		}
		b.Run(name, func(b *testing.B) {
			wr, rr := benchRing(b, Geometry{Policy: PolicyLossless, Exclusive: exclusive})
			w := mustWriter(b, wr, 1)
			rd := mustReader(b, rr, Gate, Newest(), 1)
			done := make(chan error)
			b.ResetTimer()
			go func() {
				var f Frame
				for got := 0; got < b.N; {
					if _, err := rd.Borrow(&f); err == nil {
						got++
						rd.Release(rd.Position())
					} else if err != ErrEmpty {
						done <- err
						return
					} else {
						rd.Store(rd.Position())
						runtime.Gosched()
					}
				}
				done <- nil
			}()
			for range b.N {
				if err := claimSoon(w, 64); err != nil {
					b.Fatal(err)
				}
				w.Commit(64, KindRaw, 0)
			}
			if err := <-done; err != nil {
				b.Fatal(err)
			}
		})
	}
}
