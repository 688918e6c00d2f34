//go:build linux

package bench

import (
	"context"
	"errors"
	"fmt"
)

// publish is a publisher that sends as fast as it can.
func publish(s *side, o order) (func() (report, error), error) {
	e, err := s.publishes(o.Topic+"/ping", o.Job)
	if err != nil {
		return nil, err
	}
	send := e.one
	switch {
	case o.Job.Loan:
		send = e.inPlace
	case o.Job.Batch > 1:
		send = e.batches
	}
	e.makeFrames(o.Job)
	return func() (report, error) {
		r := report{Start: Now(), Frames: o.N}
		err := send(o.N, o.Job)
		r.End = Now()
		return r, err
	}, nil
}

// makeFrames makes what is published, a batch of it, once: the clock does not run yet. Of frames that are filled in place the length is all that counts.
func (e *end) makeFrames(j Job) {
	if e.frames != nil {
		return
	}
	batch := max(1, j.Batch)
	memory := make([]byte, batch*j.Size)
	if !j.Loan {
		Touch(memory)
	}
	e.frames = make([][]byte, batch)
	for i := range e.frames {
		e.frames[i] = memory[i*j.Size : (i+1)*j.Size : (i+1)*j.Size]
	}
}

// Touch makes memory be there, before the clock runs: the kernel makes each page when it is first stored to, which takes longer than to publish it, and
// until then all of them are one page of zeros, which lies in the nearest cache and is copied from faster than any message.
func Touch(b []byte) { clear(b) }

func (e *end) one(n uint64, _ Job) error {
	ctx := context.Background()
	b, pub, sent := e.frames[0], e.pub, e.sent // fields of e might lie where the bus's words do in their pages, and be waited for, see topics.Writer
	for range n {
		sent++
		stamp(b, sent)
		if err := pub.Publish(ctx, b); err != nil {
			return err
		}
	}
	e.sent = sent
	return nil
}

func (e *end) inPlace(n uint64, j Job) error {
	ctx := context.Background()
	for range n {
		if err := e.fill(ctx, j.Size); err != nil {
			return err
		}
	}
	return nil
}

// fill publishes a frame that is filled in place.
func (e *end) fill(ctx context.Context, size int) error {
	l, err := e.pub.Loan(ctx, size)
	if err != nil {
		return err
	}
	e.sent++
	Fill(l.Bytes(), e.sent)
	return l.Commit()
}

func (e *end) batches(n uint64, j Job) error {
	ctx := context.Background()
	for n > 0 {
		part := e.frames[:min(uint64(j.Batch), n)]
		for _, b := range part {
			e.sent++
			stamp(b, e.sent)
		}
		if _, err := e.pub.PublishBatch(ctx, part); err != nil {
			return err
		}
		n -= uint64(len(part))
	}
	return nil
}

// receive is a subscriber that takes what comes.
func receive(s *side, o order) (func() (report, error), error) {
	e, err := s.subscribes(o.Topic+"/ping", o.Job)
	if err != nil {
		return nil, err
	}
	e.inBatches = o.Job.Batch > 1
	return func() (report, error) { return e.receive(context.Background(), o.N) }, nil
}

// receive takes the next n frames that are sent to it, but for those that are lost, and counts these.
func (e *end) receive(ctx context.Context, n uint64) (report, error) {
	e.due += n
	got, lost := e.check.got, e.sub.Lost()
	if e.check.lossless {
		if err := e.receiveAll(ctx, n); err != nil {
			return report{}, err
		}
	} else if err := e.receiveLossy(ctx); err != nil {
		return report{}, err
	}
	r := report{End: Now(), Frames: e.check.got - got, Lost: e.sub.Lost() - lost}
	if r.Frames+r.Lost != n || e.check.gaps > e.sub.Lost() {
		return r, fmt.Errorf("of %d frames %d have come and %d are counted as lost, with %d missing between others", n, r.Frames, r.Lost, e.check.gaps)
	}
	return r, nil
}

// receiveAll takes the next n frames, one a call, or as many as are there, up to a batch.
func (e *end) receiveAll(ctx context.Context, n uint64) error {
	c := &e.check
	if e.inBatches {
		return e.receiveBatches(ctx, n)
	}
	for range n {
		f, err := e.sub.Receive(ctx)
		if err != nil {
			return err
		}
		if n := f.Sequence(); c.due(f.Publisher(), n) && whole(f.Bytes(), n) {
			c.last.next++
		} else if err := c.frame(f); err != nil {
			return err
		}
		f.Release()
	}
	c.got += n
	return nil
}

func (e *end) receiveBatches(ctx context.Context, n uint64) error {
	c := &e.check
	for n > 0 {
		if err := e.sub.ReceiveBatch(ctx, &e.batch); err != nil {
			return err
		}
		got := e.batch.Len()
		if uint64(got) > n {
			return fmt.Errorf("%d frames have come where %d should", got, n)
		}
		for i := range got {
			if n := e.batch.Sequence(i); c.due(e.batch.Publisher(i), n) && whole(e.batch.Bytes(i), n) {
				c.last.next++
			} else if err := c.take(e.batch.Publisher(i), n, e.batch.Bytes(i)); err != nil {
				return err
			}
		}
		c.got += uint64(got)
		e.batch.Release()
		n -= uint64(got)
	}
	return nil
}

// receiveLossy goes on until all that is due has come or is lost. How much is lost at the end is known when there is nothing more to
// read.
func (e *end) receiveLossy(ctx context.Context) error {
	if e.inBatches {
		return e.receiveLossyBatches(ctx)
	}
	for {
		f, err := e.sub.TryReceive()
		if f == nil && err == nil {
			if e.check.got+e.sub.Lost() >= e.due {
				return nil
			}
			f, err = e.sub.Receive(ctx)
		}
		if err != nil {
			return err
		}
		err = e.check.frame(f)
		e.check.got++
		f.Release()
		if err != nil {
			return err
		}
	}
}

// receiveLossyBatches is receiveLossy, with batches. How much is lost is looked at only when there is nothing more to read: the look takes lines from
// the publishers.
func (e *end) receiveLossyBatches(ctx context.Context) error {
	there, cancel := context.WithCancel(ctx)
	cancel() // with it only what is there is received
	for {
		known := e.check.got + e.sub.Lost()
		if known >= e.due {
			return nil
		}
		if err := e.take(ctx); err != nil {
			return err
		}
		if err := e.receiveBatches(there, e.due-known-1); err != nil && !errors.Is(err, context.Canceled) {
			return err
		}
	}
}
