//go:build linux

package bench

import (
	"os"
	"testing"

	"shmbus/bus"
)

func TestMain(m *testing.M) {
	Serve()
	os.Exit(m.Run())
}

var lossless = bus.TopicOptions{Policy: bus.PolicyLossless, NoTime: true}

func with(o bus.TopicOptions, change func(*bus.TopicOptions)) bus.TopicOptions {
	change(&o)
	return o
}

// compare runs jobs in turn with the bare ones and reports the first bare one's median, each job's, and the ratios.
//
// In short mode it only shows that all of it works: spinning pairs crawl where others use their CPUs.
func compare(b *testing.B, turns, n int, bare []Job, name string, job Job) {
	if testing.Short() {
		turns, n = 1, 200
	}
	p, err := Start(b.Context(), CrewSpec{Publishers: 1, Subscribers: 1, CPUs: []int{0, 1}, BareCPUs: []int{0, 1}, Stderr: os.Stderr})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	for b.Loop() {
		s, err := p.Turns(turns, n, append(bare, job)...)
		if err != nil {
			b.Fatal(err)
		}
		ours := s[len(bare)]
		b.ReportMetric(ours.Median(), "ns/frame")
		for i, j := range bare {
			r := ours.Over(s[i])
			b.ReportMetric(s[i].Median(), j.Name+"-ns")
			b.ReportMetric(r.Median(), "x-"+j.Name)
			b.Logf("%s: %v ns; %s: %v ns; ratio %v", name, ours, j.Name, s[i], r)
		}
	}
}

func BenchmarkTwoProcessLatency(b *testing.B) {
	compare(b, 11, 200000, []Job{Line, Ring}, "64 B lossless", Latency(lossless))
}

func BenchmarkTwoProcessThroughput(b *testing.B) {
	exclusive := with(lossless, func(o *bus.TopicOptions) { o.Exclusive = true })
	timed := with(lossless, func(o *bus.TopicOptions) { o.NoTime = false })
	for _, c := range []struct {
		name string
		job  Job
	}{
		{"publish", Throughput(lossless)},
		{"publish-with-time", Throughput(timed)},
		{"publish-exclusive", Throughput(exclusive)},
		{"loan", LoanThroughput(lossless)},
		{"batch-32", BatchThroughput(lossless)},
	} {
		b.Run(c.name, func(b *testing.B) { compare(b, 11, 500000, []Job{Stream}, c.name, c.job) })
	}
}

func TestTheMedianIsTheMiddleOne(t *testing.T) {
	if m := (Series{3, 1, 2}).Median(); m != 2 {
		t.Fatal(m)
	}
	if m := (Series{4, 1, 2, 3}).Median(); m != 2.5 {
		t.Fatal(m)
	}
	if r := (Series{4, 9}).Over(Series{2, 3}); r[0] != 2 || r[1] != 3 {
		t.Fatal(r)
	}
}

func TestEveryJobArrives(t *testing.T) {
	p, err := Start(t.Context(), CrewSpec{Publishers: 1, Subscribers: 1, CPUs: []int{0, 1}, BareCPUs: []int{0, 1}, Stderr: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	s, err := p.Turns(2, 300, Line, Ring, Stream, Latency(lossless), Throughput(lossless), LoanThroughput(lossless), BatchThroughput(lossless))
	if err != nil {
		t.Fatal(err)
	}
	for i := range s {
		if s[i].Median() <= 0 {
			t.Fatalf("job %d took %v ns", i, s[i])
		}
	}
}
