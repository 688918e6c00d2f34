package bus

import (
	"os"
	"time"

	"shmbus/segment"
)

// What a Bus does when a participant may have died.

// deathDelays is when the dead are looked for again after the hint that somebody died: the kernel gives the hint just before it lets go of
// the lease.
var deathDelays = [...]time.Duration{2 * time.Millisecond, 20 * time.Millisecond}

// watchDeaths keeps the watch for deaths on the directory as it is now; "" ends it.
func (w *watcher) watchDeaths(dir string) {
	info, err := os.Stat(dir)
	if err == nil && w.unwatch != nil && os.SameFile(info, w.mourned) {
		return
	}
	if w.unwatch != nil {
		w.unwatch()
		w.unwatch = nil
		w.bus.hinted.Store(false)
	}
	if err != nil {
		return
	}
	w.unwatch, err = segment.WatchDeaths(dir, func() {
		select {
		case w.died <- struct{}{}:
		default: // it is there already
		}
	})
	if err != nil {
		w.bus.log.Debug("no hints at deaths, looking now and then instead", "error", err)
		return
	}
	w.mourned = info
	w.bus.hinted.Store(true)
}

// afterDeath reaps, and then wakes everybody: what they wait for may be there, and the one who died has not told them.
func (b *Bus) afterDeath() {
	b.sweep()
	b.freeDeserted()
	b.mu.Lock()
	defer b.mu.Unlock()
	for p := range b.handles {
		p.waiter.Poke()
	}
}

// sweep gives back what the dead hold of the topics that handles of this Bus stand on. The dead one may be this Bus itself, for others, if it has
// lost its lease. Then it reaps nothing: they would take what it has begun for a dead one's.
func (b *Bus) sweep() {
	b.lookAfter()
	b.mu.Lock()
	all := make(map[topicKey]*port)
	for p := range b.handles {
		if p.owner != 0 && p.state.Load() != portLost {
			all[topicKey{p.at, p.entry.Place, p.entry.Generation}] = p
		}
	}
	b.mu.Unlock()
	for _, p := range all {
		p.sweep()
	}
}

// A topicKey names a topic in an attachment.
type topicKey struct {
	at         *attachment
	place      int
	generation uint64
}

// sweep reaps the dead lines of the port's topic. It runs beside the handle's goroutine, and so through a mapping of its own.
func (p *port) sweep() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shut || p.revoked {
		return
	}
	dead := false
	if p.quiet(func() { dead = p.ring.AnyDead() }); !dead {
		return
	}
	m, r := p.aside()
	if m != nil {
		defer m.Close()
	}
	if r == p.ring {
		return
	}
	p.quiet(func() {
		if n := r.Sweep(); n > 0 {
			p.bus.log.Info("the dead were reaped", "topic", p.name, "lines", n)
			p.ringBoth()
		}
	})
}
