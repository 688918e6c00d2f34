package bus

import "shmbus/topics"

// takeLines lets the reader of a subscription take the lines of what it reads, through a second mapping of stamps and cells: see topics.Reader.TakeThrough. It is for the handle's
// goroutine, which goes on without until that is there: to bring its pages in takes a fifth of a microsecond each.
func (p *port) takeLines(r *topics.Reader) {
	switch m := p.twin.Load(); {
	case m != nil:
		if err := r.TakeThrough(m.Bytes()); err != nil {
			p.notTaken(err)
		}
	case !p.tried:
		p.tried = true
		go p.mapTwin()
	}
}

// mapTwin makes the second mapping. Without it all works as well.
func (p *port) mapTwin() {
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
	if p.mends[2], err = m.Mend(&p.state); err != nil {
		p.notTaken(err)
		_ = m.Close()
		return
	}
	p.twin.Store(m)
}

func (p *port) notTaken(err error) {
	p.bus.log.Debug("the lines of frames are not taken", "topic", p.name, "error", err)
}
