package bus

import (
	"shmbus/segment"
	"shmbus/topics"
)

// A twin is a second mapping of a ring's stamps and cells, for writing. A lossless subscription takes the lines of what it reads through it, and nothing is stored there.
type twin struct {
	m    *segment.Mapping
	mend *segment.Mend
}

// takeLines lets the reader of a subscription take lines: see topics.Reader.TakeThrough. It is for the handle's goroutine, which goes on without until the twin is there: its
// pages take a quarter of a microsecond each.
func (p *port) takeLines(r *topics.Reader) {
	switch t := p.twin.Load(); {
	case t != nil:
		if err := r.TakeThrough(t.m.Bytes()); err != nil {
			p.notTaken(err)
		}
	case !p.tried:
		p.tried = true
		go p.makeTwin()
	}
}

// makeTwin makes the twin, unless the topic has been removed: its memory has been given back, perhaps. Who closes the handle waits for that, up to some
// milliseconds, so that the memory does not come back after it has been given back. Without a twin all works as well.
func (p *port) makeTwin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.revoked {
		return
	}
	a := p.ring.Areas()
	m, err := p.at.seg.Map(p.entry.Offset+a.Stamps, a.Size-a.Stamps, a.Size-a.Stamps)
	if err != nil {
		p.notTaken(err)
		return
	}
	if p.removed() { // looked at now, because it may have been removed while the memory was mapped
		_ = m.Close()
		p.quiet(func() { p.at.giveBack(p.entry, p.ring) })
		return
	}
	mend, err := m.Mend(&p.state)
	if err != nil {
		p.notTaken(err)
		_ = m.Close()
		return
	}
	p.twin.Store(&twin{m, mend})
}

func (p *port) notTaken(err error) {
	p.bus.log.Debug("the lines of frames are not taken", "topic", p.name, "error", err)
}
