package bus

import (
	"context"
	"slices"
	"time"

	"shmbus/wake"
)

// A WaitSet receives from many subscriptions in one goroutine, in turn: one with many frames does not keep the others waiting. The zero
// WaitSet is empty and ready to use. It and its subscriptions are for one goroutine at a time; but any may close a subscription, which Receive
// then returns with ErrClosed. While a subscription is in the set its Close leaves some of what it holds, but not its place on the topic,
// to the set's next call, or to the garbage collector. Do not receive from it otherwise: what wakes it wakes the set.
//
// However many subscriptions there are, a waiting set takes a thread for each 127 of them. It sleeps as soon as there is nothing to read, also
// with Spin: who wants the least latency receives from one subscription.
type WaitSet struct {
	set     *wake.Set                    // apart, because what the process's sleepers are listed by leads to it: a set that was dropped can be collected
	in      map[*Subscriber]*wake.Waiter // what it is armed with; nil: it is in the queue
	who     map[*wake.Waiter]*Subscriber
	queue   []*Subscriber // to be looked at: [head:], the next one first
	head    int
	swept   time.Time     // when all were last looked at
	silence time.Duration // how long to wait until all are looked at again
	busy    uint          // calls that found somebody in the queue
}

// Add adds a subscription. One that is in the set already stays there.
func (w *WaitSet) Add(s *Subscriber) {
	w.init()
	if _, there := w.in[s]; !there {
		w.in[s], w.silence = nil, sweepFirst
		w.push(s)
	}
}

func (w *WaitSet) init() {
	if w.set == nil {
		w.set, w.in, w.who = new(wake.Set), make(map[*Subscriber]*wake.Waiter), make(map[*wake.Waiter]*Subscriber)
	}
}

// Remove takes a subscription out of the set. It stays open.
func (w *WaitSet) Remove(s *Subscriber) {
	w.disarm(s)
	delete(w.in, s)
	if i := slices.Index(w.queue[w.head:], s); i >= 0 { // added again, it would be in the queue twice, and have two turns
		w.queue = slices.Delete(w.queue, w.head+i, w.head+i+1)
	}
}

// Len is how many subscriptions are in the set.
func (w *WaitSet) Len() int { return len(w.in) }

// Receive waits for the next frame of any of the subscriptions. Release it when it is no longer needed; a member of a group has to release its
// frame before the next call.
//
// ctx is looked at when it waits: a frame that is there is returned also when ctx is done.
//
// With an error of a subscription it returns that too, and has taken it out of the set: see Subscriber.Receive. An error without a
// subscription is ctx's.
func (w *WaitSet) Receive(ctx context.Context) (*Subscriber, *Frame, error) {
	w.init()
	for ended := error(nil); ; {
		if w.head < len(w.queue) {
			w.attend()
		}
		for n := len(w.queue) - w.head; n > 0; n-- {
			s := w.pop()
			if _, there := w.in[s]; !there {
				continue // it was removed
			}
			f, err := s.TryReceive()
			if err == nil && f == nil {
				err = w.arm(s)
			} else if err == nil {
				w.push(s)
			}
			if err != nil {
				w.Remove(s)
			}
			if f != nil || err != nil {
				return s, f, err
			}
		}
		if ended != nil {
			return nil, nil, ended
		}
		if ended = w.wait(ctx); ended != nil {
			w.wakeAll() // of a frame that is there nobody may have been told yet
		}
	}
}

// arm makes the set wait for s, in which there was nothing to read. If there is by now it is looked at again, after the others.
func (w *WaitSet) arm(s *Subscriber) (err error) {
	if !s.door.enter() {
		return s.detached()
	}
	defer func() {
		if w.in[s] == nil {
			s.goOut()
		}
	}()
	if s.port == nil {
		w.armAbsent(s)
		return nil
	}
	defer s.fault("receive from", catchFaults(&err), &err)
	w.armPort(s)
	return nil
}

// armAbsent makes the set wait for s, whose topic is not there: to be told that it, or its Bus, is closed. Whether the topic has come is
// looked at when all are. A bell would tell of it sooner; but of each topic that is made it would tell all that wait for another.
func (w *WaitSet) armAbsent(s *Subscriber) {
	waiter := wake.NewWaiter(s.bus.notifier, wake.Block)
	s.mu.Lock()
	s.sleeper, s.unheard = waiter, context.AfterFunc(s.bus.closing, waiter.Poke)
	s.mu.Unlock()
	if s.door.isShut() || !w.set.ArmPoke(waiter) {
		s.stopSleeping()
		w.push(s)
		return
	}
	w.in[s], w.who[waiter] = waiter, s
}

func (w *WaitSet) armPort(s *Subscriber) {
	if !w.set.Arm(s.waiter, s.data, s.ready) {
		w.push(s)
		return
	}
	w.in[s], w.who[s.waiter] = s.waiter, s
	if w.silence > sweepFirst { // a publisher may have opened since sweep has looked; one that opens from here on wakes the set
		w.silence = min(w.silence, s.bus.longest(s.ring.Written()))
		if s.r.Lag() > 0 { // claimed and not committed, maybe by one that has died
			w.silence = sweepFirst
		}
	}
}

func (w *WaitSet) disarm(s *Subscriber) {
	if waiter := w.in[s]; waiter != nil {
		w.set.Disarm(waiter)
		w.disarmed(s, waiter)
	}
}

func (w *WaitSet) disarmed(s *Subscriber, waiter *wake.Waiter) {
	delete(w.who, waiter)
	w.in[s] = nil
	s.stopSleeping()
	s.goOut()
}

// wait waits until there is something in the queue. After a while all are looked at: a publisher may have died before it rang, or within a
// frame, and topics that were not there may have come.
func (w *WaitSet) wait(ctx context.Context) error {
	if w.head < len(w.queue) {
		return ctx.Err() // what is ready again and again, and is nothing, must not outlast the context
	}
	now := time.Now()
	if w.sweep(now) {
		return ctx.Err()
	}
	woken, err := w.set.Wait(ctx, w.silence-now.Sub(w.swept))
	w.gather(woken)
	return err
}

// clockEvery is how many frames a set that is never idle hands out between two looks at the clock.
const clockEvery = 64

// attend does what wait does, but for waiting, while there is always something in the queue: otherwise a topic that is never quiet would keep all
// others waiting.
func (w *WaitSet) attend() {
	w.gather(w.set.Woken())
	if w.busy++; w.busy%clockEvery != 0 {
		return
	}
	now := time.Now()
	w.sweep(now)
	w.gather(w.set.Due(now))
}

// gather puts subscriptions that were woken into the queue.
func (w *WaitSet) gather(woken []*wake.Waiter) {
	for _, waiter := range woken {
		s := w.who[waiter]
		w.disarmed(s, waiter)
		w.push(s)
	}
	if len(woken) > 0 {
		w.silence = sweepFirst
	}
}

// sweep puts all subscriptions into the queue that are not in it, if it is time to, and says whether it was. It is time for all when it is for one.
func (w *WaitSet) sweep(now time.Time) bool {
	if now.Sub(w.swept) < w.silence { // and so never 0 is left to wait, which would have no end
		return false
	}
	silence := sweepAlone
	for s, armed := range w.in {
		if s.port == nil {
			silence = sweepFirst
			continue
		}
		written := true // that of who is in the queue cannot be looked at here: it may be closed
		if armed != nil {
			s.quiet(func() { written = s.ring.Written() || s.r.Lag() > 0 })
		}
		silence = min(silence, s.bus.nextLook(w.silence, written))
	}
	w.swept, w.silence = now, silence
	w.wakeAll()
	return true
}

// wakeAll puts all subscriptions into the queue that are not in it.
func (w *WaitSet) wakeAll() {
	for s, armed := range w.in {
		if armed != nil {
			w.disarm(s)
			w.push(s)
		}
	}
}

// push appends to the queue, in the place of what was taken from it.
func (w *WaitSet) push(s *Subscriber) {
	if len(w.queue) == cap(w.queue) && w.head > len(w.queue)/2 {
		w.queue = w.queue[:copy(w.queue, w.queue[w.head:])]
		w.head = 0
	}
	w.queue = append(w.queue, s)
}

// pop takes the next one from the queue, or nil.
func (w *WaitSet) pop() *Subscriber {
	if w.head == len(w.queue) {
		w.queue, w.head = w.queue[:0], 0
		return nil
	}
	s := w.queue[w.head]
	w.queue[w.head] = nil
	w.head++
	return s
}
