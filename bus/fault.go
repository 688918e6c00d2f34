package bus

import (
	"errors"
	"fmt"
	"runtime/debug"

	"shmbus/segment"
	"shmbus/topics"
)

// A file that is cut short while it is mapped takes its memory away: an access is a memory fault, which ends a Go program. What is done for
// every frame touches the ring and the bells only. Where segment.Mends says so, these are mended: the access finds zeros, and the port's
// state says portMended. Everything else recovers from the fault: each call of a handle defers fault, and makes its accesses in a function
// that it calls. (In the deferring function itself they must not be: there the recover is lost.) That costs more than publishing a frame;
// so a call first tries to do without. What is not a handle's uses segment.Guard.

// errUnfinished is a call's error until it returns: it is there still if the call ended in a panic. To recover in vain takes longer than
// to look.
var errUnfinished = errors.New("the call has not returned")

// catchFaults makes memory faults of this goroutine panics, and gives back what was before. err is the call's named result.
func catchFaults(err *error) bool {
	*err = errUnfinished
	return debug.SetPanicOnFault(true)
}

// fault is deferred by the calls of a handle. old is what catchFaults has returned.
func (p *port) fault(op string, old bool, err *error) {
	debug.SetPanicOnFault(old)
	switch {
	case *err == errUnfinished:
		p.faulted(op, recover(), err)
	case p.state.Load() == portMended:
		*err = p.mended(op)
	}
}

// fault is deferred by the calls of a subscriber, whose port may change.
func (s *Subscriber) fault(op string, old bool, err *error) {
	debug.SetPanicOnFault(old)
	switch {
	case *err == errUnfinished:
		s.port.faulted(op, recover(), err)
	case s.port != nil && s.state.Load() == portMended:
		*err = s.port.mended(op)
	}
}

// faulted makes the error of a fault.
func (p *port) faulted(op string, recovered any, err *error) {
	if recovered == nil {
		return // runtime.Goexit: nobody gets the error
	}
	cause := segment.Fault(recovered)
	if cause == nil || p == nil {
		panic(recovered)
	}
	*err = p.tear(op, cause)
}

// mended is the error of a fault that was mended.
func (p *port) mended(op string) error {
	mends := p.mends[:]
	if t := p.twin.Load(); t != nil {
		mends = append(mends, t.mend)
	}
	for _, m := range mends {
		if cause := m.Err(); cause != nil {
			return p.tear(op, cause)
		}
	}
	return p.cutShort(op)
}

// tear is the error of a fault that is said to have a cause. A removed topic's pages are given back to the system while lossy subscribers
// still look at them: on a full file system that is a fault too, and says no more than that the topic is gone.
func (p *port) tear(op string, cause error) error {
	switch {
	case p.removed():
		cause = topics.ErrRemoved
	case errors.Is(cause, segment.ErrTruncated):
		p.torn = cause
		p.setState(portCut)
	}
	return fail(op, p.name, cause)
}

// removed says whether the topic has been removed; no, if its memory is gone.
func (p *port) removed() (is bool) {
	_ = segment.Guard(func() error { _, is = p.ring.Head(); return nil })
	return is
}

// cutShort is why a handle of a file that was cut short cannot be used any more.
func (p *port) cutShort(op string) error {
	if p.torn != nil {
		return fail(op, p.name, p.torn)
	}
	err := fmt.Errorf("%s: file: has been cut short while it was in use: %w", p.at.seg.Path(), segment.ErrTruncated)
	return fail(op, p.name, err)
}

// quiet runs f, which gives something back, and lets nothing of a memory fault be seen but in the log: where the file is gone there is
// nothing to give back to.
func (p *port) quiet(f func()) {
	if err := segment.Guard(func() error { f(); return nil }); err != nil {
		p.bus.log.Debug("giving back", "topic", p.name, "error", err)
	}
}
