package bench

import (
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"math/bits"
)

// The histogram has fine buckets for each power of two. A bucket is no wider than 1/fine of what is in it, and its middle
// stands for that, so what is read from it is less than half a percent off.
const (
	fineBits = 7
	fine     = 1 << fineBits
	buckets  = (64 - fineBits + 1) * fine
)

// A Histogram counts whole numbers, nanoseconds say. Its memory is bounded, whatever comes. The zero one is empty and ready; it is
// for one goroutine.
type Histogram struct {
	counts   [buckets]uint64
	n        uint64
	min, max uint64 // exact
}

// Record counts v.
func (h *Histogram) Record(v uint64) {
	if h.n == 0 || v < h.min {
		h.min = v
	}
	h.max = max(h.max, v)
	h.n++
	h.counts[bucket(v)]++
}

// bucket is where v is counted: numbers below fine have a bucket each.
func bucket(v uint64) int {
	if v < fine {
		return int(v)
	}
	shift := bits.Len64(v) - fineBits - 1
	return (shift+1)*fine + int(v>>shift) - fine
}

// bounds is the least and the largest number that bucket i counts.
func bounds(i int) (lo, hi uint64) {
	if i < fine {
		return uint64(i), uint64(i)
	}
	shift := i/fine - 1
	lo = uint64(i%fine+fine) << shift
	return lo, lo + (1<<shift - 1)
}

// Count is how many numbers were recorded.
func (h *Histogram) Count() uint64 { return h.n }

// Min is the least number recorded, exactly; 0 if there is none.
func (h *Histogram) Min() uint64 { return h.min }

// Max is the largest number recorded, exactly.
func (h *Histogram) Max() uint64 { return h.max }

// Quantile is the number that a part q of all, from 0 to 1, does not exceed, within half a percent; 0 if there is none.
func (h *Histogram) Quantile(q float64) uint64 {
	if h.n == 0 {
		return 0
	}
	want := max(1, uint64(math.Ceil(q*float64(h.n)))) // a rank, from 1
	if want >= h.n {
		return h.max
	}
	seen := uint64(0)
	for i, c := range &h.counts {
		if seen += c; seen >= want {
			lo, hi := bounds(i)
			return min(max(lo+(hi-lo)/2, h.min), h.max)
		}
	}
	return h.max
}

// Add counts all that o has counted.
func (h *Histogram) Add(o *Histogram) {
	if o.n == 0 {
		return
	}
	if h.n == 0 || o.min < h.min {
		h.min = o.min
	}
	h.max = max(h.max, o.max)
	h.n += o.n
	for i, c := range &o.counts {
		h.counts[i] += c
	}
}

// A Bar is one bucket: how many numbers between Lo and Hi, both included.
type Bar struct{ Lo, Hi, Count uint64 }

// Bars are the buckets that are not empty, from the left.
func (h *Histogram) Bars() iter.Seq[Bar] {
	return func(yield func(Bar) bool) {
		for i, c := range &h.counts {
			if c == 0 {
				continue
			}
			if lo, hi := bounds(i); !yield(Bar{lo, hi, c}) {
				return
			}
		}
	}
}

// histogramJSON is a histogram on its way between processes: only the buckets that are not empty.
type histogramJSON struct {
	Min, Max uint64
	Buckets  [][2]uint64 // which, how many
}

// MarshalJSON is for the way to another process.
func (h *Histogram) MarshalJSON() ([]byte, error) {
	j := histogramJSON{Min: h.min, Max: h.max}
	for i, c := range &h.counts {
		if c > 0 {
			j.Buckets = append(j.Buckets, [2]uint64{uint64(i), c})
		}
	}
	return json.Marshal(j)
}

// UnmarshalJSON is the other end of MarshalJSON.
func (h *Histogram) UnmarshalJSON(b []byte) error {
	var j histogramJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	*h = Histogram{min: j.Min, max: j.Max}
	for _, c := range j.Buckets {
		if c[0] >= buckets {
			return fmt.Errorf("a histogram has no bucket %d", c[0])
		}
		h.counts[c[0]] += c[1]
		h.n += c[1]
	}
	return nil
}
