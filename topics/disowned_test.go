package topics

import (
	"errors"
	"fmt"
	"testing"
)

// words is all that a line holds.
func (l *gateLine) words() [8]uint64 {
	return [8]uint64{
		l.owner.Load(), l.state.Load(), l.subscription.Load(), l.received.Load(),
		l.lost.Load(), l.pin.Load(), l.group.Load(), l.attempts.Load(),
	}
}

// TestWhoIsTakenForDeadStoresNothingInTheLineOfAnother: its lease was lost, its line reaped, and another has got it, at the very same position.
func TestWhoIsTakenForDeadStoresNothingInTheLineOfAnother(t *testing.T) {
	for _, c := range []struct {
		name string
		join func(t *testing.T, r *Ring, owner uint64) *Reader
		read func(t *testing.T, rd *Reader)
		do   func(rd *Reader)
	}{
		{
			"a member that acknowledges", joinMember, readOne,
			func(rd *Reader) { rd.Ack() },
		},
		{
			"a member that takes", joinMember, func(*testing.T, *Reader) {},
			func(rd *Reader) {
				if _, err := rd.Take(new(Frame), false); !errors.Is(err, ErrCorrupt) {
					t.Errorf("a member without a line: got error %v, want one that is %q", err, ErrCorrupt)
				}
			},
		},
		{
			"a member that looks for frames of the dead", joinMember, func(*testing.T, *Reader) {},
			func(rd *Reader) {
				if _, err := rd.Take(new(Frame), true); !errors.Is(err, ErrCorrupt) {
					t.Errorf("a member without a line: got error %v, want one that is %q", err, ErrCorrupt)
				}
			},
		},
		{
			"a lossless subscription that stores its cursor", joinAs(Gate), func(*testing.T, *Reader) {},
			func(rd *Reader) {
				if rd.Store(rd.Position() + 1) {
					t.Error("a gate without a line says that it has stored its cursor")
				}
			},
		},
		{
			"a lossy subscription that is idle", joinAs(Lossy), readOne,
			func(rd *Reader) { rd.Idle() },
		},
		{
			"a lossy subscription that reads", joinAs(Lossy), func(*testing.T, *Reader) {},
			func(rd *Reader) {
				for range 2 {
					if _, err := rd.Copy(new(Frame), nil); err != nil {
						t.Error(err)
					}
				}
			},
		},
		{
			"a member that closes", joinMember, readOne,
			func(rd *Reader) { rd.Close() },
		},
		{
			"a lossless subscription that closes", joinAs(Gate), func(*testing.T, *Reader) {},
			func(rd *Reader) { rd.Close() },
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, kill := mortal(t, Geometry{Slots: 16, Policy: PolicyLossless, Subscriptions: 4})
			w := mustWriter(t, r, living)
			other := mustMember(t, r, "g", Oldest(), living) // so that the group stays
			rd := c.join(t, r, dying)
			for i := range 3 {
				mustSend(t, w, fmt.Sprint(i))
			}
			c.read(t, rd)
			kill(dying)
			if rd.line.pin.Load() != 0 {
				wantTaken(t, other, "0", 2)
				other.Ack()
			}
			r.ReapGates()
			next := c.join(t, r, spare)
			if next.Line() != rd.Line() {
				t.Fatalf("the next one has line %d, want %d", next.Line(), rd.Line())
			}
			if next.shared != nil {
				wantTaken(t, next, fmt.Sprint(next.shared.state.Load()>>2), 1)
			}
			was := next.line.words()
			c.do(rd)
			if now := next.line.words(); now != was {
				t.Errorf("the line was\n%v\nand is\n%v", was, now)
			}
		})
	}
}

// TestAWriterThatIsTakenForDeadClosesNoLineOfAnother: nor takes back that one's claim, nor passes its turn on.
func TestAWriterThatIsTakenForDeadClosesNoLineOfAnother(t *testing.T) {
	r, kill := mortal(t, Geometry{Slots: 16, Policy: PolicyLossless})
	w := mustWriter(t, r, dying)
	mustClaim(t, w, 1)
	kill(dying)
	r.ReapWriters()
	next := mustWriter(t, r, spare)
	if next.Line() != w.Line() {
		t.Fatalf("the next one has line %d, want %d", next.Line(), w.Line())
	}
	mustClaim(t, next, 1)
	turn := uint64(next.Line() + 1)
	r.control.turn.Store(turn)
	w.Close()
	l := next.line
	if o, c, turns := l.owner.Load(), l.claim.Load(), r.control.turn.Load(); o != spare || c != next.pos+1 || turns != turn {
		t.Errorf("the line has the owner %d and the claim %d, the turn is %d; want %d, %d and %d", o, c, turns, spare, next.pos+1, turn)
	}
}

func joinMember(t *testing.T, r *Ring, owner uint64) *Reader {
	return mustMember(t, r, "g", Oldest(), owner)
}

func joinAs(m Mode) func(t *testing.T, r *Ring, owner uint64) *Reader {
	return func(t *testing.T, r *Ring, owner uint64) *Reader { return mustReader(t, r, m, Oldest(), owner) }
}

// readOne reads the first frame.
func readOne(t *testing.T, rd *Reader) {
	if rd.shared != nil {
		wantTaken(t, rd, "0", 1)
		return
	}
	if b, err := rd.Copy(new(Frame), nil); err != nil || string(b) != "0" {
		t.Fatalf("read %q, %v", b, err)
	}
}
