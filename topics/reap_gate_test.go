package topics

import (
	"fmt"
	"testing"
)

func TestADeadGateIsReapedAndALivingOneIsNot(t *testing.T) {
	r, kill := mortal(t, Geometry{Slots: 4, Policy: PolicyLossless, Subscriptions: 3})
	w := mustWriter(t, r, living)
	mustReader(t, r, Gate, Oldest(), dying)
	mustReader(t, r, Lossy, Oldest(), living)
	slow := mustReader(t, r, Gate, Oldest(), spare)
	for i := range 4 {
		mustSend(t, w, fmt.Sprint(i))
	}
	wantErr(t, w.Claim(1), ErrHeldByGate)
	if w.HeldGate() != 0 || w.Ready() {
		t.Fatalf("held by line %d, ready %v; want line 0, not ready", w.HeldGate(), w.Ready())
	}
	if r.ReapGate(0) || r.ReapGates() != 0 {
		t.Fatal("a living gate was reaped")
	}
	kill(dying)
	r.Self = 0
	if r.ReapGate(0) {
		t.Fatal("a ring without a participant of its own reaped a gate")
	}
	r.Self = self
	if r.ReapGate(1) || r.ReapGate(2) || !r.ReapGate(0) || r.ReapGate(0) {
		t.Fatal("not the dead gate alone, once")
	}
	if !w.Ready() {
		t.Fatal("the writer was not told that the gate has left")
	}
	wantErr(t, w.Claim(1), ErrHeldByGate)
	if w.HeldGate() != 2 {
		t.Fatalf("held by line %d, want 2", w.HeldGate())
	}
	wantNext(t, slow, "0")
	mustSend(t, w, "4")
	if g := mustReader(t, r, Gate, Newest(), living); g.Line() != 0 || g.Position() != 5 {
		t.Fatalf("the free line was not used again from the tail on: line %d at %d", g.Line(), g.Position())
	}
}

// TestAFullTableReapsTheDead: with every line taken, a new reader or writer gets a dead one's line, and ErrNoLine if there is none.
func TestAFullTableReapsTheDead(t *testing.T) {
	r, kill := mortal(t, Geometry{Slots: 4, Policy: PolicyLossless, Subscriptions: 2, Publishers: 2})
	mustReader(t, r, Gate, Oldest(), living)
	mustReader(t, r, Gate, Oldest(), dying)
	mustWriter(t, r, dying)
	mustWriter(t, r, living)
	_, err := r.NewReader(Lossy, Newest(), spare)
	wantErr(t, err, ErrNoLine)
	_, err = r.NewWriter(spare)
	wantErr(t, err, ErrNoLine)
	kill(dying)
	if rd := mustReader(t, r, Lossy, Newest(), spare); rd.Line() != 1 {
		t.Fatalf("the reader got line %d, want 1", rd.Line())
	}
	if w := mustWriter(t, r, spare); w.Line() != 0 {
		t.Fatalf("the writer got line %d, want 0", w.Line())
	}
	if g := r.Gates(); len(g) != 2 || g[0].Owner != living || g[1].Owner != spare || g[1].Mode != Lossy {
		t.Fatalf("gates are %+v", g)
	}
}

// TestADeadTurnIsPassedOn: the holder of the turn dies.
func TestADeadTurnIsPassedOn(t *testing.T) {
	r, kill := mortal(t, Geometry{Slots: 4, Policy: PolicyLossless, Publishers: 2})
	w, d := mustWriter(t, r, living), mustWriter(t, r, dying)
	rd := mustReader(t, r, Gate, Oldest(), living)
	for i := range 4 {
		mustSend(t, w, fmt.Sprint(i))
	}
	d.TakeTurn()
	w.TakeTurn()
	wantErr(t, d.Claim(1), ErrHeldByGate)
	wantErr(t, w.Claim(1), ErrHeldByTurn)
	wantNext(t, rd, "0")
	wantErr(t, w.Claim(1), ErrHeldByTurn)
	if w.Ready() || w.PassTurn() {
		t.Fatal("the turn is another's")
	}
	kill(dying)
	if r.ReapWriters() != 1 || !w.Ready() {
		t.Fatal("the turn was not passed on")
	}
	mustSend(t, w, "4")
	w.TakeTurn()
	if !w.PassTurn() || w.PassTurn() {
		t.Fatal("the turn can be passed exactly once")
	}
}

// TestAnImpatientWriterIgnoresTheTurn: the turn's holder may be stopped.
func TestAnImpatientWriterIgnoresTheTurn(t *testing.T) {
	r, _ := mortal(t, Geometry{Slots: 4, Policy: PolicyLossless, Publishers: 2})
	w, d := mustWriter(t, r, living), mustWriter(t, r, dying)
	for i := range 4 {
		mustSend(t, w, fmt.Sprint(i))
	}
	d.TakeTurn()
	wantErr(t, w.Claim(1), ErrHeldByTurn)
	w.Impatient()
	mustSend(t, w, "4")
	if w.PassTurn() {
		t.Fatal("a turn that was never held was passed on")
	}
	wantErr(t, w.Claim(1), ErrHeldByTurn)
}

// TestAReaperThatDiesIsReaped: it has taken the dead writer's place, and then dies too.
func TestAReaperThatDiesIsReaped(t *testing.T) {
	r, kill := mortal(t, Geometry{Slots: 8, Policy: PolicyLossless, Publishers: 2})
	d := mustWriter(t, r, dying)
	rd := mustReader(t, r, Gate, Oldest(), living)
	mustClaim(t, d, 200)
	kill(dying)
	if !d.line.owner.CompareAndSwap(dying, spare) { // another participant begins to reap
		t.Fatal("the line is not the dead writer's")
	}
	if r.Recover(0) {
		t.Fatal("the line of a living reaper was touched")
	}
	kill(spare)
	if !r.Recover(0) || len(r.Writers()) != 0 {
		t.Fatal("the dead reaper was not reaped")
	}
	w := mustWriter(t, r, living)
	mustSend(t, w, "on")
	wantNext(t, rd, "on")
}

// TestFinishFreesWhatIsOnesOwn: lines that a participant gives up on behalf of a writer or reader of its own.
func TestFinishFreesWhatIsOnesOwn(t *testing.T) {
	r, _ := mortal(t, Geometry{Slots: 8, Policy: PolicyLossless, Publishers: 2})
	w := mustWriter(t, r, living)
	rd := mustReader(t, r, Gate, Oldest(), spare)
	lost := mustReader(t, r, Gate, Oldest(), living)
	mustClaim(t, w, 200)
	r.FinishWriter(w.Line(), spare)
	r.FinishReader(lost.Line(), spare)
	if len(r.Writers()) != 1 || len(r.Gates()) != 2 {
		t.Fatal("a line of somebody else's was freed")
	}
	r.FinishWriter(w.Line(), living)
	r.FinishReader(lost.Line(), living)
	if len(r.Writers()) != 0 || len(r.Gates()) != 1 {
		t.Fatal("the lines were not freed")
	}
	mustSend(t, mustWriter(t, r, living), "on")
	wantNext(t, rd, "on")
}

// TestATurnNobodyLivingHoldsIsTakenBack: of a dead writer, of a free line, and of no line at all.
func TestATurnNobodyLivingHoldsIsTakenBack(t *testing.T) {
	r, kill := mortal(t, Geometry{Slots: 4, Publishers: 2})
	w, d := mustWriter(t, r, living), mustWriter(t, r, dying)
	if r.ReapTurn() {
		t.Fatal("nobody holds the turn")
	}
	w.TakeTurn()
	if r.ReapTurn() || !w.PassTurn() {
		t.Fatal("a living writer's turn was taken")
	}
	d.TakeTurn()
	mustClaim(t, d, 1)
	if !r.Held(d.pos) || r.Held(d.pos+1) {
		t.Fatal("a living claim covers its slots, and only these")
	}
	kill(dying)
	if r.Held(d.pos) || !r.ReapTurn() || r.control.turn.Load() != 0 || len(r.Writers()) != 1 {
		t.Fatal("a dead writer's turn was not taken back")
	}
	for _, turn := range []uint64{2, 3, 1 << 63} {
		r.control.turn.Store(turn)
		if !r.ReapTurn() || r.control.turn.Load() != 0 {
			t.Fatalf("turn %d, which is nobody's, stayed", turn)
		}
	}
}
