package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"shmbus/bus"
)

// run records one topic, until ctx is done.
func (r *recorder) run(ctx context.Context, s *bus.Subscriber) error {
	defer s.Close()
	t := r.backlog.take(s)
	if t == nil {
		t = r.feed(s.Topic())
	}
	defer r.backlog.read(t)
	defer func() {
		if context.Cause(ctx) != errRecordedEnough { // what was lost since the last frame that is recorded is none of this recording
			r.lost(t.recording, t.before+s.Lost())
		}
	}()
	w := &frameWaiter{recorder: r, sub: s}
	defer w.stop()
	for end := uint64(0); ; {
		f, err := s.TryReceive()
		if f == nil || f.Position() >= t.end {
			r.backlog.read(t)
		}
		if ctx.Err() != nil {
			// What had been published when it was told to end is recorded, if that is there now.
			if st := s.Stats(); end == 0 {
				end = st.Position + st.Lag
			}
			if f == nil || f.Position() >= end || !errors.Is(context.Cause(ctx), context.Canceled) {
				return context.Cause(ctx)
			}
		}
		if f == nil && err == nil {
			if f, err = w.wait(ctx); ctx.Err() != nil && f == nil {
				continue
			}
		}
		if err != nil {
			return r.refusal(t.name, err)
		}
		if f == nil {
			r.lost(t.recording, t.before+s.Lost())
			continue
		}
		err = r.keep(message{t, f.Kind(), f.Sequence(), f.Time(), t.before + s.Lost(), f.Bytes()})
		f.Release()
		if err != nil {
			return err
		}
	}
}

// feed notes what a topic that was subscribed to is like.
func (r *recorder) feed(name string) *feed {
	stat, err := r.bus.Stat(name)
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.topics[name]
	if t == nil {
		t = &recording{name: name}
		r.topics[name] = t
	}
	f := &feed{recording: t, before: t.lost}
	if err == nil {
		f.shape = stat.TopicInfo
	}
	return f
}

// keep records one frame, now or after the backlog.
func (r *recorder) keep(m message) error {
	if r.backlog.hold(m) {
		return nil
	}
	return r.write(m)
}

// write writes one frame. After an error there are no more: they would stand behind a gap.
func (r *recorder) write(m message) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over == nil {
		r.over = r.put(m)
	}
	return r.over
}

func (r *recorder) put(f message) error {
	c, err := r.channel(f.feed, f.kind)
	if err != nil {
		return err
	}
	m := &r.message
	m.ChannelID, m.Sequence, m.Data = c.ID, uint32(f.sequence), f.data
	m.LogTime = uint64(time.Now().UnixNano())
	m.PublishTime = m.LogTime
	if !f.at.IsZero() {
		m.PublishTime = uint64(f.at.UnixNano())
	}
	if err := r.reel.message(c, m); err != nil {
		return err
	}
	r.frames++
	f.frames++
	if err := r.setLost(f.recording, f.lost); err != nil {
		return err
	}
	if r.frames == r.limit {
		return errRecordedEnough
	}
	return nil
}

// lost notes how many frames of a topic are lost by now.
func (r *recorder) lost(t *recording, lost uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.setLost(t, lost) // the next frame meets the same error
}

// setLost is lost with the lock held. Losses are written into the file now and then, for the case that the recorder is killed.
func (r *recorder) setLost(t *recording, lost uint64) error {
	if lost <= t.lost { // less: what was held is written
		return nil
	}
	t.lost = lost
	if now := time.Now(); now.Sub(r.noted) >= lossEvery {
		r.noted = now
		return r.reel.metadata(metaLost, r.losses())
	}
	return nil
}

// losses is what was lost of each topic while this file was written.
func (r *recorder) losses() map[string]string {
	m := make(map[string]string)
	for name, t := range r.topics {
		m[name] = fmt.Sprint(t.lost - t.before)
	}
	return m
}

// noteLosses is called before a file is closed.
func (r *recorder) noteLosses() error {
	err := r.reel.metadata(metaLost, r.losses())
	for _, t := range r.topics {
		t.before = t.lost
	}
	return err
}

// tellLosses tells what was lost of each topic.
func (r *recorder) tellLosses() {
	for _, name := range slices.Sorted(maps.Keys(r.topics)) {
		if t := r.topics[name]; t.lost > 0 {
			r.say("lost %s of topic %q, recorded %d", frames(t.lost), name, t.frames)
		}
	}
}

// showProgress tells a terminal on standard error how far it is, once a second, until quiet is called.
func (r *recorder) showProgress() (quiet func()) {
	f, ok := r.errOut.(*os.File)
	if !ok || !isTerminal(f) {
		return func() {}
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				fmt.Fprintf(f, "\r\x1b[K%s", r.progress())
			case <-stop:
				fmt.Fprint(f, "\r\x1b[K")
				return
			}
		}
	}()
	return func() {
		close(stop)
		select {
		case <-stopped:
		case <-time.After(stuckOutput): // after Ctrl-S a terminal takes nothing, and the file is still to be closed
		}
	}
}

func (r *recorder) progress() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	lost := uint64(0)
	for _, t := range r.topics {
		lost += t.lost
	}
	return fmt.Sprintf("%s of %s, %s, %d lost", frames(r.frames), count(len(r.topics), "topic"), size(r.reel.total()), lost)
}

// A frameWaiter waits for the frames of one subscription, and looks now and then whether a publisher that died holds it up: a tap cannot
// give back what the dead hold, so it joins for a moment.
type frameWaiter struct {
	*recorder
	sub    *bus.Subscriber
	every  time.Duration // between looks: soon, then more and more seldom, as they cost CPU time
	until  context.Context
	cancel context.CancelFunc
	at     uint64 // where it was held up at the last look
	held   bool
}

// wait waits for a frame; nil and no error: look at the losses, and come again.
func (w *frameWaiter) wait(ctx context.Context) (*bus.Frame, error) {
	if w.until == nil || w.until.Err() != nil {
		w.stop()
		w.every = max(lookSoon, min(2*w.every, lookSeldom))
		if w.held {
			w.every = lookSoon
		}
		w.until, w.cancel = context.WithTimeout(ctx, w.every)
	}
	f, err := w.sub.Receive(w.until)
	if f != nil {
		w.every = 0
	}
	if err == nil || !errors.Is(err, context.DeadlineExceeded) {
		return f, err
	}
	st := w.sub.Stats()
	if held := st.Lag > 0; held && w.held && w.at == st.Position {
		w.unstick(ctx)
	} else {
		w.at, w.held = st.Position, held
	}
	return nil, nil
}

func (w *frameWaiter) stop() {
	if w.cancel != nil {
		w.cancel()
	}
}

// unstick joins the topic where it is held up. If the publisher there is dead that gives back what it held.
func (w *frameWaiter) unstick(ctx context.Context) {
	s, err := w.bus.Subscribe(ctx, w.sub.Topic(), bus.FromPosition(w.at))
	if err != nil {
		return // who may not join has to wait until somebody does who may
	}
	defer s.Close()
	ctx, cancel := context.WithTimeout(ctx, unstickTime)
	defer cancel()
	if f, err := s.Receive(ctx); err == nil {
		f.Release()
	}
}
