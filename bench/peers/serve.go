//go:build linux

package peers

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"shmbus/internal/bench"
)

// A Report is what a process answers.
type Report struct {
	Ready bool             `json:"ready,omitempty"`
	Err   string           `json:"err,omitempty"`
	Start int64            `json:"start,omitempty"` // ns of the clock that all processes share
	End   int64            `json:"end,omitempty"`
	Count uint64           `json:"count,omitempty"` // messages sent, or received and checked
	Hist  *bench.Histogram `json:"hist,omitempty"`  // ns of the round trips
}

// A sender sends messages to all subscribers of a channel. It is for one goroutine.
type sender interface {
	// room is where the next message is to be: what it sent last, or memory in place that may hold anything if fresh.
	room() (b []byte, fresh bool, err error)
	send() error
	// flush sends what was kept back to be sent together.
	flush() error
}

// A receiver receives messages, of one publisher or of all.
type receiver interface {
	// take waits for the next message, which is good until give.
	take() ([]byte, error)
	give() error
}

// A peer is a way to move messages. Publishers send on channel "a"; in a measurement of latency the subscriber answers on "b". Both
// functions return when the other side is there; they are called at once. Or whole is set: then all of it is the peer's, and what it returns
// moves n messages.
type peer struct {
	send    func(o Options, channel string) (sender, error)
	receive func(o Options, channel string) ([]receiver, error)
	whole   func(o Options) (func(n uint64) (Report, error), error)
}

// side is what a process has open.
type side struct {
	o     Options
	out   sender
	in    []receiver
	check checker
	sent  uint64
}

// Serve is the life of a process of the benchmark: it ends with its standard input.
func Serve(words []string) error {
	signal.Ignore(os.Interrupt, syscall.SIGHUP) // these are told to all processes; the leader ends the others
	o, err := parse(words)
	if err != nil {
		return err
	}
	p, ok := all[o.Peer]
	if !ok {
		return fmt.Errorf("there is no peer %q", o.Peer)
	}
	orders := listen()
	out := json.NewEncoder(os.Stdout)
	run, err := p.begin(o)
	if err != nil {
		return out.Encode(Report{Err: err.Error()})
	}
	if err := out.Encode(Report{Ready: true}); err != nil {
		return err
	}
	for n := range orders {
		r, err := run(n)
		if err != nil {
			r.Err = err.Error()
		}
		if err := out.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

// begin opens what the process needs, and gives what moves n messages.
func (p peer) begin(o Options) (func(n uint64) (Report, error), error) {
	if p.whole != nil {
		return p.whole(o)
	}
	s := &side{o: o, check: checker{size: o.Size, next: make([]uint64, o.Pubs)}}
	return s.run, s.open(p)
}

// listen reads orders also while the process is busy: when the leader is gone, that is the end.
func listen() <-chan uint64 {
	orders := make(chan uint64)
	go func() {
		in := bufio.NewReader(os.Stdin)
		for {
			var n uint64
			if _, err := fmt.Fscanf(in, "go %d\n", &n); err != nil {
				os.Exit(0)
			}
			orders <- n
		}
	}()
	return orders
}

// open opens both directions at once, since each may wait for the other side.
func (s *side) open(p peer) error {
	var wg sync.WaitGroup
	var sendErr, receiveErr error
	if s.o.Publisher || s.o.Latency {
		wg.Go(func() { s.out, sendErr = p.send(s.o, s.channel(s.o.Publisher)) })
	}
	if !s.o.Publisher || s.o.Latency {
		wg.Go(func() { s.in, receiveErr = p.receive(s.o, s.channel(!s.o.Publisher)) })
	}
	wg.Wait()
	return errors.Join(sendErr, receiveErr)
}

func (s *side) channel(there bool) string {
	if there {
		return "a"
	}
	return "b"
}

func (s *side) run(n uint64) (Report, error) {
	switch {
	case s.o.Latency && s.o.Publisher:
		return s.ping(n)
	case s.o.Latency:
		return s.pong(n)
	case s.o.Publisher:
		return s.stream(n / uint64(s.o.Pubs))
	}
	return s.drain(n)
}

func (s *side) one() error {
	b, fresh, err := s.out.room()
	if err != nil {
		return err
	}
	if fresh {
		clear(b)
	}
	s.sent++
	stamp(b, uint64(s.o.Index)<<whoBits|s.sent)
	return s.out.send()
}

func (s *side) take(r receiver, c *checker) error {
	b, err := r.take()
	if err != nil {
		return err
	}
	if err := c.message(b); err != nil {
		return err
	}
	return r.give()
}

func (s *side) stream(n uint64) (Report, error) {
	r := Report{Start: bench.Now(), Count: n}
	for range n {
		if err := s.one(); err != nil {
			return r, err
		}
	}
	err := s.out.flush()
	r.End = bench.Now()
	return r, err
}

// drain receives all, with a goroutine for each receiver if there are several: then each has one publisher.
func (s *side) drain(n uint64) (Report, error) {
	errs := make([]error, len(s.in))
	share := n / uint64(len(s.in))
	get := func(i int) {
		for range share {
			if errs[i] = s.take(s.in[i], &s.check); errs[i] != nil {
				return
			}
		}
	}
	if len(s.in) == 1 {
		get(0)
	} else {
		var wg sync.WaitGroup
		for i := range s.in {
			wg.Go(func() { get(i) })
		}
		wg.Wait()
	}
	return Report{End: bench.Now(), Count: share * uint64(len(s.in))}, errors.Join(errs...)
}

func (s *side) ping(n uint64) (Report, error) {
	return timeEach(n, func() error { return s.roundTrip(true) })
}

// timeEach counts how long each round trip took, as ours are counted.
func timeEach(n uint64, roundTrip func() error) (Report, error) {
	r, cost := Report{Start: bench.Now(), Hist: new(bench.Histogram)}, bench.Timing()
	start := time.Now()
	last := time.Since(start)
	for range n {
		if err := roundTrip(); err != nil {
			return r, err
		}
		t := time.Since(start)
		r.Hist.Record(uint64(max(0, int64(t-last)-cost)))
		last = t
	}
	r.End, r.Count = bench.Now(), n
	return r, nil
}

func (s *side) pong(n uint64) (Report, error) {
	for range n {
		if err := s.roundTrip(false); err != nil {
			return Report{}, err
		}
	}
	return Report{End: bench.Now(), Count: n}, nil
}

// roundTrip sends a message and waits for one, or the other way round.
func (s *side) roundTrip(first bool) error {
	if !first {
		if err := s.take(s.in[0], &s.check); err != nil {
			return err
		}
	}
	if err := s.one(); err != nil {
		return err
	}
	if err := s.out.flush(); err != nil {
		return err
	}
	if first {
		return s.take(s.in[0], &s.check)
	}
	return nil
}

// patience is how long the other side may take to come.
const patience = 20 * time.Second

// retry calls f until it works, as long as patience lasts: the other side may not be there yet.
func retry(f func() error) error {
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if err := f(); err == nil || time.Now().After(end) {
			return err
		}
	}
}

// a plain sender has one buffer for its messages and keeps nothing back.
type plain struct{ b []byte }

func newPlain(o Options) plain {
	b := make([]byte, o.Size)
	bench.Touch(b) // as that of shmbus is
	return plain{b}
}

func (p *plain) room() ([]byte, bool, error) { return p.b, false, nil }
func (p *plain) flush() error                { return nil }

// keep is for receivers whose messages need not be given back.
type keep struct{}

func (keep) give() error { return nil }
