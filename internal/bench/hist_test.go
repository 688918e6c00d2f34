package bench

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestEveryNumberIsInItsBucket(t *testing.T) {
	check := func(v uint64) {
		t.Helper()
		i := bucket(v)
		if i < 0 || i >= buckets {
			t.Fatalf("%d: bucket %d", v, i)
		}
		lo, hi := bounds(i)
		if v < lo || v > hi {
			t.Fatalf("%d is counted between %d and %d", v, lo, hi)
		}
		if hi-lo > 0 && float64(hi-lo) > float64(lo)/fine {
			t.Fatalf("the bucket from %d to %d is too wide", lo, hi)
		}
	}
	for v := range uint64(5000) {
		check(v)
	}
	for s := range 64 {
		for _, d := range []uint64{0, 1, 2, math.MaxUint64, math.MaxUint64 - 1} {
			check(1<<s + d)
		}
	}
	check(math.MaxUint64)
	for i := range buckets - 1 { // side by side, without gaps
		_, hi := bounds(i)
		if lo, _ := bounds(i + 1); lo != hi+1 {
			t.Fatalf("bucket %d ends at %d, and the next begins at %d", i, hi, lo)
		}
	}
}

func TestQuantilesAreLessThanAPercentOff(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for name, draw := range map[string]func() uint64{
		"even":        func() uint64 { return r.Uint64N(1000000) },
		"small":       func() uint64 { return r.Uint64N(90) },
		"long tail":   func() uint64 { return uint64(200 * math.Exp(3*math.Abs(r.NormFloat64()))) },
		"two peaks":   func() uint64 { return []uint64{180, 45000}[r.IntN(2)] + r.Uint64N(40) },
		"all the way": func() uint64 { return r.Uint64() >> r.IntN(64) },
		"one number":  func() uint64 { return 123457 },
	} {
		t.Run(name, func(t *testing.T) {
			var all []uint64
			var h, left, right Histogram
			for i := range 100001 {
				v := draw()
				all = append(all, v)
				h.Record(v)
				[]*Histogram{&left, &right}[i%2].Record(v)
			}
			slices.Sort(all)
			left.Add(&right)
			b, err := json.Marshal(&left)
			if err != nil {
				t.Fatal(err)
			}
			var sent Histogram
			if err := json.Unmarshal(b, &sent); err != nil {
				t.Fatal(err)
			}
			if sent != h {
				t.Fatal("two halves, put together and sent, are not the whole")
			}
			for _, q := range []float64{0, 0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 1} {
				exact := float64(all[max(0, int(math.Ceil(q*float64(len(all))))-1)])
				got := float64(h.Quantile(q))
				if math.Abs(got-exact) > exact/100 {
					t.Errorf("quantile %v is %v, and exactly %v", q, got, exact)
				}
			}
			if h.Min() != all[0] || h.Max() != all[len(all)-1] || h.Count() != uint64(len(all)) {
				t.Error("least, largest or count is not exact")
			}
			n := uint64(0)
			for bar := range h.Bars() {
				n += bar.Count
			}
			if n != h.Count() {
				t.Errorf("the bars have %d of %d", n, h.Count())
			}
		})
	}
}

func TestAnEmptyHistogramIsZeroEverywhere(t *testing.T) {
	var h, o Histogram
	h.Add(&o)
	if h.Quantile(0.5) != 0 || h.Min() != 0 || h.Max() != 0 || h.Count() != 0 {
		t.Fatal(h.Quantile(0.5), h.Min(), h.Max(), h.Count())
	}
	for bar := range h.Bars() {
		t.Fatal(bar)
	}
	if err := json.Unmarshal([]byte(`{"Buckets":[[99999999,1]]}`), &h); err == nil {
		t.Fatal("a bucket that cannot be was taken")
	}
}
