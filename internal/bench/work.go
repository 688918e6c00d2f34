//go:build linux

package bench

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"shmbus/bus"
)

// A Job is one thing to measure: a name, and the topics it is done over; nil for the bare ones.
type Job struct {
	Name  string
	Topic *bus.TopicOptions
}

// The bare jobs, and those over topics.
var (
	Line   = Job{Name: "line"}   // half the round trip of one cache line
	Ring   = Job{Name: "ring"}   // half the round trip of a message through two bare rings
	Stream = Job{Name: "stream"} // one message of a stream through a bare ring
)

// Latency is half the round trip of a frame through two topics.
func Latency(o bus.TopicOptions) Job { return Job{"bus-latency", &o} }

// Throughput is one frame of a stream, published one by one, batch by batch, or in place.
func Throughput(o bus.TopicOptions) Job { return Job{"bus-stream", &o} }

// BatchThroughput publishes in batches of 32.
func BatchThroughput(o bus.TopicOptions) Job { return Job{"bus-batch", &o} }

// LoanThroughput fills frames in place.
func LoanThroughput(o bus.TopicOptions) Job { return Job{"bus-loan", &o} }

// halves are the two processes' parts in a job. far and near prepare; what they return does it. ways is how many messages one round
// is.
type halves struct {
	ways float64
	near func(s *side, topic string) (func(n int) (time.Duration, error), error)
	far  func(s *side, topic string) (func(n int) error, error)
}

var jobs = map[string]halves{
	"line":   bareJob(2, (*side).nearLine, (*side).farLine),
	"ring":   bareJob(2, (*side).nearRing, (*side).farRing),
	"stream": bareJob(1, (*side).nearStream, (*side).farStream),

	"bus-latency": {2, nearLatency, farLatency},
	"bus-stream":  {1, nearPublish(publishOne), farReceive},
	"bus-batch":   {1, nearPublish(publishBatch), farReceive},
	"bus-loan":    {1, nearPublish(publishLoan), farReceive},
}

func bareJob(ways float64, near func(*side, int) (time.Duration, error), far func(*side, int) error) halves {
	return halves{
		ways,
		func(s *side, _ string) (func(int) (time.Duration, error), error) {
			return func(n int) (time.Duration, error) { return near(s, n) }, nil
		},
		func(s *side, _ string) (func(int) error, error) {
			return func(n int) error { return far(s, n) }, nil
		},
	}
}

// ends opens a publisher and a lossless subscriber that spins.
func ends(s *side, out, in string) (p *bus.Publisher, r *bus.Subscriber, err error) {
	if out != "" {
		if p, err = s.bus.Publisher(out); err != nil {
			return nil, nil, err
		}
	}
	if in != "" {
		r, err = s.bus.Subscribe(context.Background(), in, bus.Lossless(), bus.Spin())
	}
	return p, r, err
}

// touch reads a whole frame. It copies it first: a slice expression with the frame's length in it makes the address of each load wait
// for the length, which the bare ring does not have.
func touch(f *bus.Frame) (sum uint64, err error) {
	var b [Frame]byte
	if n := copy(b[:], f.Bytes()); n != Frame || len(f.Bytes()) != Frame {
		return 0, fmt.Errorf("a frame of %d bytes", len(f.Bytes()))
	}
	for i := 0; i < Frame; i += 8 {
		sum += binary.LittleEndian.Uint64(b[i:])
	}
	return sum, nil
}

// take receives, reads and releases one frame, the wanted one.
func take(ctx context.Context, r *bus.Subscriber, want uint64) error {
	f, err := r.Receive(ctx)
	if err != nil {
		return err
	}
	sum, err := touch(f)
	if err == nil && sum != want {
		err = fmt.Errorf("frame %d reads as %d", want, sum)
	}
	f.Release()
	return err
}

func nearLatency(s *side, topic string) (func(int) (time.Duration, error), error) {
	p, r, err := ends(s, topic+"/ping", topic+"/pong")
	if err != nil {
		return nil, err
	}
	return func(n int) (time.Duration, error) {
		defer p.Close()
		defer r.Close()
		ctx := context.Background()
		var b [Frame]byte
		start := time.Now()
		for i := range uint64(n) {
			binary.LittleEndian.PutUint64(b[:], i)
			if err := p.Publish(ctx, b[:]); err != nil {
				return 0, err
			}
			if err := take(ctx, r, i); err != nil {
				return 0, err
			}
		}
		return time.Since(start), nil
	}, nil
}

func farLatency(s *side, topic string) (func(int) error, error) {
	p, r, err := ends(s, topic+"/pong", topic+"/ping")
	if err != nil {
		return nil, err
	}
	return func(n int) error {
		defer p.Close()
		defer r.Close()
		ctx := context.Background()
		var b [Frame]byte
		for i := range uint64(n) {
			if err := take(ctx, r, i); err != nil {
				return err
			}
			binary.LittleEndian.PutUint64(b[:], i)
			if err := p.Publish(ctx, b[:]); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// nearPublish streams n frames and waits until the other side says that it has them all.
func nearPublish(publish func(p *bus.Publisher, n uint64) error) func(*side, string) (func(int) (time.Duration, error), error) {
	return func(s *side, topic string) (func(int) (time.Duration, error), error) {
		p, r, err := ends(s, topic+"/ping", topic+"/pong")
		if err != nil {
			return nil, err
		}
		return func(n int) (time.Duration, error) {
			defer p.Close()
			defer r.Close()
			start := time.Now()
			if err := publish(p, uint64(n)); err != nil {
				return 0, err
			}
			if err := take(context.Background(), r, uint64(n)); err != nil {
				return 0, err
			}
			return time.Since(start), nil
		}, nil
	}
}

func farReceive(s *side, topic string) (func(int) error, error) {
	p, r, err := ends(s, topic+"/pong", topic+"/ping")
	if err != nil {
		return nil, err
	}
	return func(n int) error {
		defer p.Close()
		defer r.Close()
		ctx := context.Background()
		for i := range uint64(n) {
			if err := take(ctx, r, i); err != nil {
				return err
			}
		}
		var b [Frame]byte
		binary.LittleEndian.PutUint64(b[:], uint64(n))
		return p.Publish(ctx, b[:])
	}, nil
}

func publishOne(p *bus.Publisher, n uint64) error {
	ctx := context.Background()
	var b [Frame]byte
	for i := range n {
		binary.LittleEndian.PutUint64(b[:], i)
		if err := p.Publish(ctx, b[:]); err != nil {
			return err
		}
	}
	return nil
}

func publishLoan(p *bus.Publisher, n uint64) error {
	ctx := context.Background()
	for i := range n {
		l, err := p.Loan(ctx, Frame)
		if err != nil {
			return err
		}
		b := l.Bytes()
		clear(b)
		binary.LittleEndian.PutUint64(b, i)
		if err := l.Commit(); err != nil {
			return err
		}
	}
	return nil
}

func publishBatch(p *bus.Publisher, n uint64) error {
	ctx := context.Background()
	const size = 32
	var frames [size][Frame]byte
	var batch [size][]byte
	for i := range frames {
		batch[i] = frames[i][:]
	}
	for i := uint64(0); i < n; i += size {
		k := min(size, n-i)
		for j := range k {
			binary.LittleEndian.PutUint64(batch[j], i+j)
		}
		if _, err := p.PublishBatch(ctx, batch[:k]); err != nil {
			return err
		}
	}
	return nil
}
