//go:build linux && (amd64 || arm64)

package wake

import (
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"shmbus/internal/mem"
)

// A goroutine that sleeps in a system call takes a thread. The first few sleepers of a process do, and are woken at the futex's own cost.
// More than these share threads: each of a crowd's watches sleeps on up to 127 bells at once, and hands a ring on to the
// goroutines that wait for it, which costs a turn of the Go scheduler more.
const (
	direct   = 8   // so many sleep on threads of their own
	alone    = 16  // as long as no more than so many are in the crowd, or were lately: then threads are what counts
	watchMax = 127 // bells of a watch; the kernel's limit is 128 words
	failNap  = time.Millisecond
)

// A crowd is the sleepers of a process that share threads.
type crowd struct {
	threads mem.Word32   // of the watches; who sleeps on a thread of its own sleeps on this word, too
	own     atomic.Int32 // who sleeps on a thread of its own
	lately  tally        // of those
	seats   atomic.Int32 // who has a berth
	crowded tally        // of those who have slept there
	size    atomic.Int32 // who sleeps on a bell in the crowd
	mu      sync.Mutex
	watches []*watch
}

// A watch is one thread's worth of bells. A bell may be in several watches.
type watch struct {
	crowd   *crowd
	mu      sync.Mutex
	call    mem.Word32 // changed to call the thread back from its sleep
	asleep  bool       // the thread sleeps on the bells that are listed, or is about to
	running bool
	berths  []*berth
}

// A berth is one bell of a watch. It is there as long as some Poke has it, so that the bell's memory is.
type berth struct {
	watch    *watch
	bell     *Bell
	pokes    int     // that have it; guarded by watch.mu, as all below
	sleepers []*Poke // those that sleep on it now
	listed   bool    // the thread sleeps on it
	warm     bool    // somebody slept on it at the last look: whoever that was may be back soon
}

// admit says whether one more may sleep on a thread of its own. own has to be lowered when it has. Not while many of the crowd are awake for a moment, either:
// who sleeps in a system call keeps its P until Go's monitor takes it, and those who were woken with it, and have no P yet, would wait for the monitor.
func (c *crowd) admit(most int32) bool {
	if c.size.Load() > alone || c.threads.Load() > 1 || c.seats.Load() > alone && c.crowded.of(monotonic()) > alone {
		return false
	}
	if c.own.Add(1) > most {
		c.own.Add(-1)
		return false
	}
	return true
}

// begin counts one more thread of a watch. A second one calls those back who sleep on threads of their own: they have more bells than one thread
// can watch for company, and sleep in the crowd from now on.
func (c *crowd) begin() {
	if c.count(1) == 2 {
		_ = futexWake(&c.threads, private)
	}
}

// count adds to the threads of the watches, and says how many they are.
func (c *crowd) count(n uint32) uint32 {
	for {
		if v := c.threads.Load(); c.threads.CompareAndSwap(v, v+n) {
			return v + n
		}
	}
}

// sleep is Notifier.Sleep. A bell that changes before the sleeper is among the sleepers is seen by its own look; after it, by the thread:
// either it sleeps on the bell with the value that it saw there under the lock, and the kernel compares it, or it was called.
func (c *crowd) sleep(bell *Bell, value uint32, p *Poke, limit time.Duration) {
	select {
	case <-p.signal: // of an earlier sleep
	default:
	}
	if bell != nil {
		p.seat(c, bell)
		p.berth.enter(p, value)
		c.crowded.add(&p.crowded, monotonic())
		defer p.berth.leave(p)
		if bell.Value() != value {
			return
		}
	}
	if p.Pending() {
		return
	}
	p.nap(limit)
}

// enter is what a Set has instead of sleep.
func (f *futex) enter(bell *Bell, value uint32, p *Poke) bool {
	if !f.waitv {
		return false
	}
	p.seat(&f.crowd, bell)
	p.berth.enter(p, value)
	return true
}

// leave undoes enter.
func (f *futex) leave(p *Poke) {
	if p.berth != nil {
		p.berth.leave(p)
	}
}

// seat sees to it that the poke has a berth with that bell. It keeps it from sleep to sleep, unless the crowd has become small: then it moves up, so that
// one thread is enough again.
func (p *Poke) seat(c *crowd, bell *Bell) {
	if p.berth != nil && p.berth.bell == bell {
		if c.threads.Load() > 1 && c.size.Load() <= alone {
			p.moveUp(c)
		}
		return
	}
	p.unseat()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.watches { // one that watches the bell already
		if b := w.berthOf(bell, false); b != nil {
			p.sit(c, b)
			return
		}
	}
	for _, w := range c.watches {
		if b := w.berthOf(bell, true); b != nil {
			p.sit(c, b)
			return
		}
	}
	w := &watch{crowd: c}
	c.watches = append(c.watches, w)
	p.sit(c, w.berthOf(bell, true))
}

// sit gives the poke, which has none, a berth.
func (p *Poke) sit(c *crowd, b *berth) {
	p.berth = b
	c.seats.Add(1)
}

// moveUp changes the poke's berth for one of an earlier watch that has room.
func (p *Poke) moveUp(c *crowd) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.watches {
		if w == p.berth.watch {
			return
		}
		if b := w.berthOf(p.berth.bell, true); b != nil {
			p.unseat()
			p.sit(c, b)
			return
		}
	}
}

// unseat gives the poke's berth back. Nothing touches the bell for it afterwards.
func (p *Poke) unseat() {
	b := p.berth
	if b == nil {
		return
	}
	p.berth = nil
	b.leave(p)
	w := b.watch
	w.crowd.seats.Add(-1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if b.pokes--; b.pokes == 0 {
		w.berths = slices.DeleteFunc(w.berths, func(x *berth) bool { return x == b })
		if len(w.berths) == 0 {
			w.callBack() // the thread ends
		}
	}
}

// berthOf is the watch's berth with that bell, with one user more; nil if it has none and may not, or cannot, make one.
func (w *watch) berthOf(bell *Bell, make bool) *berth {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range w.berths {
		if b.bell == bell {
			b.pokes++
			return b
		}
	}
	if !make || len(w.berths) == watchMax {
		return nil
	}
	b := &berth{watch: w, bell: bell, pokes: 1}
	w.berths = append(w.berths, b)
	return b
}

// enter makes p one of those that sleep on the berth while the bell has that value.
func (b *berth) enter(p *Poke, value uint32) {
	w := b.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	p.value = value
	b.sleepers = append(b.sleepers, p)
	w.crowd.size.Add(1)
	switch {
	case !w.running:
		w.running = true
		w.crowd.begin()
		go w.run()
	case !b.listed && w.asleep:
		w.callBack()
	}
}

// leave undoes enter, if nobody has.
func (b *berth) leave(p *Poke) {
	b.watch.mu.Lock()
	defer b.watch.mu.Unlock()
	if i := slices.Index(b.sleepers, p); i >= 0 {
		b.sleepers = slices.Delete(b.sleepers, i, i+1)
		b.watch.crowd.size.Add(-1)
	}
}

// callBack makes the thread look again. The caller holds w.mu.
func (w *watch) callBack() {
	w.call.Store(w.call.Load() + 1)
	if w.asleep {
		_ = futexWake(&w.call, private)
	}
}

// run is the watch's thread. It goes on as long as the watch has berths.
func (w *watch) run() {
	debug.SetPanicOnFault(true) // a bell's file may be cut short
	list, values := make([]*Bell, 0, watchMax), make([]uint32, 0, watchMax)
	for {
		w.mu.Lock()
		w.asleep = false
		if len(w.berths) == 0 {
			w.running = false
			w.crowd.count(^uint32(0))
			w.mu.Unlock()
			return
		}
		var woken int
		if list, values, woken = w.look(list[:0], values[:0]); woken > 0 {
			// Let them run here and now. In the system call this thread would keep them until another one came for them, and sometimes
			// until the runtime noticed after milliseconds that it was asleep.
			w.mu.Unlock()
			runtime.Gosched()
			continue
		}
		call := w.call.Load()
		w.asleep = true
		w.mu.Unlock()
		switch e := futexWaitMany(list, values, &w.call, call); e {
		case 0, syscall.EAGAIN, syscall.EINTR, syscall.ETIMEDOUT:
		default: // a bell's memory is gone, or what cannot be known: everybody looks
			w.mu.Lock()
			for _, b := range w.berths {
				b.wake(func(*Poke) bool { return true })
			}
			w.mu.Unlock()
			time.Sleep(failNap)
		}
	}
}

// look wakes whoever waits for what has happened, says how many that were, and lists the bells to sleep on, with their values.
func (w *watch) look(list []*Bell, values []uint32) (_ []*Bell, _ []uint32, woken int) {
	for _, b := range w.berths {
		now, had := len(b.sleepers) > 0, b.warm
		b.warm, b.listed = now, false
		if !now && !had {
			continue
		}
		value, ok := b.value()
		if !ok {
			woken += b.wake(func(*Poke) bool { return true }) // they find out by themselves
			continue
		}
		woken += b.wake(func(p *Poke) bool { return p.value != value })
		b.listed = true
		list, values = append(list, b.bell), append(values, value)
	}
	return list, values, woken
}

// value loads the bell; false if its memory is gone.
func (b *berth) value() (v uint32, ok bool) {
	defer func() {
		if !ok {
			_ = recover()
		}
	}()
	return b.load(), true
}

// load is a function of its own, because a fault in the one that defers the recover is not recovered from.
//
//go:noinline
func (b *berth) load() uint32 { return b.bell.Value() }

// wake wakes those of the sleepers, and says how many they were.
func (b *berth) wake(which func(p *Poke) bool) int {
	before := len(b.sleepers)
	b.sleepers = slices.DeleteFunc(b.sleepers, func(p *Poke) bool {
		if !which(p) {
			return false
		}
		p.wakeUp()
		return true
	})
	woken := before - len(b.sleepers)
	b.watch.crowd.size.Add(int32(-woken))
	return woken
}
