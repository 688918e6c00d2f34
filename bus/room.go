package bus

import (
	"context"
	"fmt"
	"time"

	"shmbus/internal/cpu"
	"shmbus/topics"
)

// How a Publisher waits for room.

// held says whether err is one that waiting can cure.
func held(err error) bool {
	switch err {
	case topics.ErrHeldBySlot, topics.ErrHeldByGate, topics.ErrHeldByTurn, topics.ErrHeldByClaim:
		return true
	}
	return false
}

// How long a publisher sleeps before it looks whether what holds it up is dead, and how long it lets another go first.
const (
	recoverEvery = 10 * time.Millisecond
	turnPatience = 10 * time.Millisecond
	claimNap     = 100 * time.Microsecond // the first sleep for another's claim, of which nobody rings: it is over as soon as that one has its CPU again
)

// unwilling is the context of who would rather not wait: of TryPublish.
var unwilling context.Context = &struct{ context.Context }{context.Background()}

// claim waits for room and claims. err is what Claim said; op names what it is for in errors of the wait.
func (p *Publisher) claim(ctx context.Context, op string, n int, err error) error {
	if !held(err) {
		return err
	}
	if ctx == unwilling {
		return p.claimNow(n, err)
	}
	if !p.door.enter() {
		return failKind(op, p.name, ErrClosed, "")
	}
	defer p.goOut()
	told := time.Now() // up to then the waiting is counted
	tell := func() {
		now := time.Now()
		p.w.Blocked(now.Sub(told).Nanoseconds())
		told = now
	}
	queued := told
	nap := claimNap
	for held(err) {
		limit := recoverEvery
		switch err {
		case topics.ErrHeldByTurn:
			if time.Since(queued) > turnPatience {
				p.w.Impatient() // its holder may be stopped; the turn is only fairness
			}
		case topics.ErrHeldByClaim: // that is no room that others could take first
			cpu.Yield() // to the one in the middle of it, which most often waits for just this CPU
			limit, nap = nap, min(2*nap, recoverEvery)
		default:
			p.w.TakeTurn()
			queued = time.Now()
		}
		bell := p.room
		if err == topics.ErrHeldBySlot {
			bell = p.data
		}
		werr := p.waiter.Wait(ctx, bell, p.ready, limit)
		tell() // now and then, so that it is seen of one that waits for long
		if werr != nil {
			err = p.blocked(op, err, werr)
			break
		}
		if gone := p.gone(op); gone != nil {
			err = gone
			break
		}
		if !p.w.Ready() {
			if rerr := p.recoverFrom(err); rerr != nil {
				err = rerr
				break
			}
		}
		err = p.w.Claim(n)
	}
	tell()
	if p.w.PassTurn() {
		p.room.Ring(p.notify)
	}
	return err
}

// recoverFrom gives back what the dead hold the publisher up with.
func (p *Publisher) recoverFrom(err error) error {
	switch err {
	case topics.ErrHeldBySlot:
		return p.recover(p.w.HeldAt(), -1)
	case topics.ErrHeldByGate:
		return p.recover(0, p.w.HeldGate())
	case topics.ErrHeldByTurn:
		p.recoverTurn()
	case topics.ErrHeldByClaim:
		p.recoverClaim()
	}
	return nil
}

// claimNow is claim for who would rather not wait: a second attempt at once, where a claim is in the way, and one, every recoverEvery at most, after a look
// at what is. It does not respect another's turn: its holder may be stopped, and who does not wait cannot outlast it.
func (p *Publisher) claimNow(n int, why error) error {
	if why == topics.ErrHeldByClaim { // that is no want of room, and most often over as soon as the other one has had the CPU
		cpu.Yield()
		if why = p.w.Claim(n); !held(why) {
			return why
		}
	}
	now := time.Now()
	if now.Sub(p.recovery) < recoverEvery {
		return why
	}
	p.recovery = now
	if why == topics.ErrHeldByGate {
		p.room.Want() // a slow subscription tells of each frame then
	}
	if err := p.recoverFrom(why); err != nil {
		return err
	}
	p.w.Impatient()
	err := p.w.Claim(n)
	p.w.PassTurn() // it never has it: only the impatience ends
	return err
}

// blocked is the error of a wait that the context ended: it says what was waited for.
func (p *Publisher) blocked(op string, held, cause error) error {
	what := held.Error()
	if held == topics.ErrHeldByGate {
		for _, g := range p.ring.Gates() {
			if g.Line == p.w.HeldGate() {
				what = fmt.Sprintf("subscription %d (%s) has not released position %d; the tail is %d",
					g.Subscription, describe(p.at.seg, g.Owner), g.Position, p.ring.Tail())
			}
		}
	}
	return &opError{op, p.name, nil, fmt.Errorf("waiting for room: %w (%s)", cause, what), ""}
}
