package main

import "shmbus/internal/bench"

// benchJSON is what bench --json prints.
type benchJSON struct {
	Mode        string       `json:"mode"`
	Size        int          `json:"size"`
	Publishers  int          `json:"publishers"`
	Subscribers int          `json:"subscribers"`
	Policy      string       `json:"policy"`
	Exclusive   bool         `json:"exclusive"`
	Wait        bench.Wait   `json:"wait"`
	EarlyWake   bool         `json:"early_wake"`
	Batch       int          `json:"batch"`
	Slots       int          `json:"slots"`
	Cell        int          `json:"cell"`
	NoTime      bool         `json:"no_time"`
	Pinned      bool         `json:"pinned"`
	Messages    float64      `json:"throughput_msgs_per_s"`
	Bytes       float64      `json:"throughput_bytes_per_s"`
	Published   uint64       `json:"published"`
	Received    uint64       `json:"received"`
	Lost        uint64       `json:"lost"`
	Latency     *latencyJSON `json:"latency_ns"`
	Bare        bareJSON     `json:"calibration_ns"`
	Stream      float64      `json:"calibration_msgs_per_s"`
	Ratio       ratioJSON    `json:"ratio"`
	Turns       []turnJSON   `json:"turns"`
}

// latencyJSON is half the round trip, in ns, over all turns.
type latencyJSON struct {
	Min  float64 `json:"min"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
}

type bareJSON struct {
	Line float64 `json:"line"`
	Ring float64 `json:"ring"`
}

// ratioJSON is medians of the turns' ratios: the rate to that of the bare stream, or the median latency to line and ring.
type ratioJSON struct {
	Stream float64 `json:"stream,omitempty"`
	Line   float64 `json:"line,omitempty"`
	Ring   float64 `json:"ring,omitempty"`
}

type turnJSON struct {
	Messages float64      `json:"msgs_per_s"`
	Lost     uint64       `json:"lost"`
	Latency  *latencyJSON `json:"latency_ns,omitempty"`
	Bare     bareJSON     `json:"calibration_ns"`
	Stream   float64      `json:"calibration_msgs_per_s"`
}

func newLatencyJSON(h *bench.Histogram) *latencyJSON {
	half := func(v uint64) float64 { return float64(v) / 2 }
	return &latencyJSON{half(h.Min()), half(h.Quantile(.5)), half(h.Quantile(.9)), half(h.Quantile(.99)), half(h.Quantile(.999)), half(h.Max())}
}

func newBenchJSON(r *bench.Result) benchJSON {
	s := r.Spec
	rates, streams := r.Rates(), r.StreamRates()
	j := benchJSON{
		Mode: s.Mode, Size: s.Size, Publishers: s.Publishers, Subscribers: s.Subscribers, Policy: s.Topic.Policy.String(),
		Exclusive: s.Topic.Exclusive, Wait: s.Wait, EarlyWake: s.Early, Batch: s.Batch, Slots: s.Topic.Slots, Cell: s.Topic.CellSize,
		NoTime: s.Topic.NoTime, Pinned: len(s.CPUs) > 0,
		Messages: rates.Median(), Bytes: rates.Median() * float64(s.Size),
		Published: r.Sum(func(o *bench.Outcome) uint64 { return o.Published }),
		Received:  r.Sum(func(o *bench.Outcome) uint64 { return o.Received }),
		Lost:      r.Sum(func(o *bench.Outcome) uint64 { return o.Lost }),
		Bare:      bareJSON{r.Lines().Median(), r.Rings().Median()},
		Stream:    streams.Median(),
	}
	if s.Mode == bench.LatencyMode {
		p50 := r.Halves(.5)
		j.Latency = newLatencyJSON(r.All())
		j.Ratio = ratioJSON{Line: p50.Over(r.Lines()).Median(), Ring: p50.Over(r.Rings()).Median()}
	} else {
		j.Ratio = ratioJSON{Stream: rates.Over(streams).Median()}
	}
	for i := range r.Turns {
		t := &r.Turns[i]
		one := turnJSON{Messages: rates[i], Lost: t.Lost, Bare: bareJSON{t.Line, t.Ring}, Stream: streams[i]}
		if t.Hist != nil {
			one.Latency = newLatencyJSON(t.Hist)
		}
		j.Turns = append(j.Turns, one)
	}
	return j
}
