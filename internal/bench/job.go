//go:build linux

package bench

import (
	"encoding/json"

	"shmbus/bus"
)

// A Job is one thing to measure: what is done, and the topics it is done over; nil for the bare ones.
type Job struct {
	Name  string
	Topic *bus.TopicOptions
	Size  int  // bytes in a frame
	Batch int  // frames a call; 1 for Publish
	Loan  bool // frames are filled in place
	Early bool // with bus.EarlyWake
	Wait  Wait
	Each  bool            // every round trip is timed, and counted in a histogram
	Args  json.RawMessage `json:",omitempty"` // of a scene
}

// The bare jobs.
var (
	Line   = Job{Name: "line"}   // half the round trip of one cache line
	Ring   = Job{Name: "ring"}   // half the round trip of a message through two bare rings
	Stream = Job{Name: "stream"} // one message of a stream through a bare ring
)

// Latency is half the round trip of a frame of 64 bytes through two topics, with subscribers that spin.
func Latency(o bus.TopicOptions) Job {
	return Job{Name: "latency", Topic: &o, Size: 64, Batch: 1, Wait: Spin}
}

// Throughput is one frame of a stream, of 64 bytes, published one by one.
func Throughput(o bus.TopicOptions) Job {
	return Job{Name: "throughput", Topic: &o, Size: 64, Batch: 1, Wait: Spin}
}

// BatchThroughput is Throughput in batches of 32.
func BatchThroughput(o bus.TopicOptions) Job {
	j := Throughput(o)
	j.Batch = 32
	return j
}

// LoanThroughput is Throughput with frames that are filled in place.
func LoanThroughput(o bus.TopicOptions) Job {
	j := Throughput(o)
	j.Loan = true
	return j
}

// A half is one process's part in a job. It prepares, and what it returns does it.
type half func(s *side, o order) (func() (report, error), error)

// halves are both parts. ways is how many messages one round is.
type halves struct {
	ways      float64
	publisher half
	others    bool // not only the first publisher and the first subscriber take part
	subscribe half
	scene     bool // it makes its topics itself
}

var jobs = map[string]halves{
	"line":       {ways: 2, publisher: bareHalf((*side).nearLine), subscribe: bareHalf((*side).farLine)},
	"ring":       {ways: 2, publisher: bareHalf((*side).nearRing), subscribe: bareHalf((*side).farRing)},
	"stream":     {ways: 1, publisher: bareHalf((*side).nearStream), subscribe: bareHalf((*side).farStream)},
	"latency":    {ways: 2, publisher: ping, subscribe: pong, others: true},
	"throughput": {ways: 1, publisher: publish, subscribe: receive, others: true},
}

func bareHalf(do func(s *side, n uint64) (report, error)) half {
	return func(s *side, o order) (func() (report, error), error) {
		return func() (report, error) { return do(s, o.N) }, nil
	}
}
