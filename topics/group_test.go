package topics

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func mustMember(t testing.TB, r *Ring, group string, s Start, owner uint64) *Reader {
	t.Helper()
	m, err := r.NewMember(group, s, owner)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// wantTaken takes a frame and checks it.
func wantTaken(t testing.TB, m *Reader, payload string, attempt uint64) {
	t.Helper()
	var f Frame
	b, err := m.Take(&f, true)
	if err != nil || string(b) != payload || uint64(f.Attempt) != attempt {
		t.Fatalf("took %q, attempt %d, %v; want %q, attempt %d", b, f.Attempt, err, payload, attempt)
	}
}

func wantNothing(t testing.TB, m *Reader) {
	t.Helper()
	var f Frame
	if b, err := m.Take(&f, true); !errors.Is(err, ErrEmpty) {
		t.Fatalf("took %q, %v; want nothing", b, err)
	}
}

func TestAGroupSharesItsFrames(t *testing.T) {
	r := heapRing(t, Geometry{Slots: 8, Policy: PolicyLossless})
	w := mustWriter(t, r, living)
	a := mustMember(t, r, "g", Oldest(), living)
	b := mustMember(t, r, "g", Oldest(), living)
	alone := mustMember(t, r, "other", Oldest(), living)
	every := mustReader(t, r, Gate, Oldest(), living)
	for i := range 4 {
		mustSend(t, w, fmt.Sprint(i))
	}
	wantTaken(t, a, "0", 1)
	wantTaken(t, b, "1", 1)
	b.Ack()
	wantTaken(t, b, "2", 1)
	for i := range 4 {
		wantTaken(t, alone, fmt.Sprint(i), 1)
		alone.Ack()
		wantNext(t, every, fmt.Sprint(i))
	}
	if g := r.Groups(); len(g) != 2 || g[0].Name != "g" || g[1].Name != "other" || g[0].Position != 3 {
		t.Fatalf("the groups are %+v", g)
	}
	a.Ack()
	wantTaken(t, a, "3", 1)
	a.Ack()
	b.Ack()
	wantNothing(t, a)
	wantNothing(t, b)
	if m := r.Gates(); len(m) != 4 || m[0].Mode != Member || m[0].Group != "g" || m[0].Received != 2 {
		t.Fatalf("the subscriptions are %+v", m)
	}
}

// TestAFrameInHandHoldsTheHead: nobody overwrites what a member has, however far its group is.
func TestAFrameInHandHoldsTheHead(t *testing.T) {
	r := heapRing(t, Geometry{Slots: 4, Policy: PolicyLossless})
	w := mustWriter(t, r, living)
	slow := mustMember(t, r, "g", Oldest(), living)
	quick := mustMember(t, r, "g", Oldest(), living)
	mustSend(t, w, "0")
	wantTaken(t, slow, "0", 1)
	for range 3 {
		mustSend(t, w, "x")
		wantTaken(t, quick, "x", 1)
		quick.Ack()
	}
	wantErr(t, w.Claim(1), ErrHeldByGate)
	if w.HeldGate() != slow.Line() || w.Ready() {
		t.Fatalf("held by line %d, ready %v; want line %d, not ready", w.HeldGate(), w.Ready(), slow.Line())
	}
	slow.Ack()
	if !w.Ready() {
		t.Fatal("the writer does not see that the frame was let go of")
	}
	mustClaim(t, w, 1)
}

func TestAFrameOfADeadMemberGoesToAnother(t *testing.T) {
	r, kill := mortal(t, Geometry{Slots: 4, Policy: PolicyLossless})
	w := mustWriter(t, r, living)
	a := mustMember(t, r, "g", Oldest(), dying)
	b := mustMember(t, r, "g", Oldest(), living)
	mustMember(t, r, "other", Oldest(), living).Close()
	mustSend(t, w, "0")
	mustSend(t, w, "1")
	wantTaken(t, a, "0", 1)
	wantTaken(t, b, "1", 1)
	b.Ack()
	wantNothing(t, b)
	kill(dying)
	wantTaken(t, b, "0", 2)
	if n := len(r.Gates()); n != 1 {
		t.Fatalf("%d subscriptions are left, want 1", n)
	}
	b.Close() // with the frame in hand: the group waits for another member
	if n := r.Sweep(); n != 0 {
		t.Fatalf("a sweep took %d lines", n)
	}
	c := mustMember(t, r, "g", Newest(), living)
	wantTaken(t, c, "0", 3)
	c.Ack()
	c.Close() // with nothing in hand: the group goes with its last member
	if g, m := r.Groups(), r.Gates(); len(g) != 0 || len(m) != 0 {
		t.Fatalf("left are the groups %+v and the subscriptions %+v", g, m)
	}
}

func TestAMemberThatLeavesHandsItsFrameOn(t *testing.T) {
	r := heapRing(t, Geometry{Slots: 4, Policy: PolicyLossless})
	r.Self = self
	w := mustWriter(t, r, living)
	mustSend(t, w, "0")
	next := mustMember(t, r, "g", Oldest(), living)
	for attempt := uint64(1); attempt < 5; attempt++ {
		m := next
		next = mustMember(t, r, "g", Oldest(), living)
		wantTaken(t, m, "0", attempt)
		m.Close()
	}
	wantTaken(t, next, "0", 5)
	next.Ack()
	wantNothing(t, next)
}

// TestADeadMemberThatHadTakenNothingYet: its pin is cleared, and the frame is taken as usual.
func TestADeadMemberThatHadTakenNothingYet(t *testing.T) {
	r, kill := mortal(t, Geometry{Slots: 4, Policy: PolicyLossless})
	w := mustWriter(t, r, living)
	mustSend(t, w, "0")
	a := mustMember(t, r, "g", Oldest(), dying)
	b := mustMember(t, r, "g", Oldest(), living)
	a.pin(0, 1)
	kill(dying)
	wantTaken(t, b, "0", 1)
	b.Ack()
	wantNothing(t, b)
}

func TestAGroupIsReapedWithItsLastMember(t *testing.T) {
	r, kill := mortal(t, Geometry{Slots: 4, Policy: PolicyLossless})
	orphaned := ""
	r.Orphaned = func(group string, frames int) { orphaned += fmt.Sprint(group, frames) }
	w := mustWriter(t, r, living)
	a := mustMember(t, r, "g", Oldest(), dying)
	b := mustMember(t, r, "g", Oldest(), dying)
	for range 4 {
		mustSend(t, w, "x")
	}
	wantTaken(t, a, "x", 1)
	wantTaken(t, b, "x", 1)
	wantErr(t, w.Claim(1), ErrHeldByGate)
	if r.ReapGate(w.HeldGate()) {
		t.Fatal("a living group was reaped")
	}
	kill(dying)
	if !r.ReapGate(w.HeldGate()) {
		t.Fatal("the dead group was not reaped")
	}
	mustClaim(t, w, 1)
	if orphaned != "g2" {
		t.Fatalf("told of %q, want g2", orphaned)
	}
	if g := mustMember(t, r, "g", Oldest(), living); g.Position() != 1 {
		t.Fatalf("a new group of that name starts at %d, want at the head, 1", g.Position())
	}
}

// TestWhoIsAtWorkOnGroupsIsTold: whoever is stopped there holds up others who want to make one, or to join that one.
func TestWhoIsAtWorkOnGroupsIsTold(t *testing.T) {
	r, kill := mortal(t, Geometry{Slots: 4, Policy: PolicyLossless})
	m := mustMember(t, r, "g", Oldest(), living)
	if e := r.Examine(); len(e.Busy) != 0 {
		t.Fatalf("nobody is at work, and told of is %+v", e.Busy)
	}
	r.control.groups.Store(dying)
	m.shared.owner.Store(dying)
	e := r.Examine()
	if len(e.Busy) != 2 || e.Busy[0].What != "a group" || e.Busy[1].What != "group g" || e.Busy[0].Owner != dying || e.Busy[1].Owner != dying {
		t.Fatalf("told of is %+v", e.Busy)
	}
	kill(dying)
	if e := r.Examine(); len(e.Busy) != 0 {
		t.Fatalf("the dead are at work: %+v", e.Busy)
	}
}

// TestWhoeverDiesWhileMakingAGroupIsReplaced, and while reaping one.
func TestWhoeverDiesWhileMakingAGroupIsReplaced(t *testing.T) {
	r, kill := mortal(t, Geometry{Slots: 4, Policy: PolicyLossless})
	r.control.groups.Store(dying)
	_, err := r.NewMember("g", Oldest(), living)
	wantErr(t, err, ErrGroupBusy)
	l := &r.gates[0]
	l.owner.Store(dying)
	l.group.Store(hashName("g"))
	for i, v := range packName("g") {
		l.name()[i].Store(v)
	}
	l.state.Store(kindGroup) // at 0
	_, err = r.NewMember("g", Oldest(), living)
	wantErr(t, err, ErrGroupBusy)
	kill(dying)
	w := mustWriter(t, r, living)
	for range 4 {
		mustSend(t, w, "x")
	}
	var m *Reader
	for range 3 { // the first finds the half-made group and gives it back
		if m, err = r.NewMember("g", Oldest(), living); !errors.Is(err, ErrGroupBusy) {
			break
		}
		r.ReapGates()
	}
	if err != nil {
		t.Fatal(err)
	}
	wantTaken(t, m, "x", 1)
}

func TestAGroupOfARemovedTopicEnds(t *testing.T) {
	r := heapRing(t, Geometry{Slots: 4, Policy: PolicyLossless})
	w := mustWriter(t, r, living)
	m := mustMember(t, r, "g", Oldest(), living)
	mustSend(t, w, "0")
	wantTaken(t, m, "0", 1)
	r.Remove()
	if r.Unused() {
		t.Fatal("a topic with a frame in hand is not unused")
	}
	m.Ack()
	if r.Unused() {
		t.Fatal("a topic is not unused while a member may take a frame")
	}
	if !m.Ready() {
		t.Fatal("a member does not see that its topic was removed")
	}
	var f Frame
	_, err := m.Take(&f, false)
	wantErr(t, err, ErrRemoved)
	w.Close()
	m.Close()
	if !r.Unused() {
		t.Fatal("a topic with nothing in hand is unused")
	}
	_, err = r.NewMember("g", Oldest(), living)
	wantErr(t, err, ErrRemoved)
}

func TestWhatAGroupMayNotBe(t *testing.T) {
	r := heapRing(t, Geometry{Slots: 4, Policy: PolicyLossless, Subscriptions: 2})
	for _, name := range []string{"", "a//b", "*", "a\x00", strings.Repeat("x", 33)} {
		_, err := r.NewMember(name, Oldest(), living)
		wantErr(t, err, ErrName)
	}
	long := strings.Repeat("x", MaxGroupName)
	mustMember(t, r, long, Oldest(), living)
	if g := r.Groups(); len(g) != 1 || g[0].Name != long {
		t.Fatalf("the groups are %+v", g)
	}
	_, err := r.NewMember(long, Oldest(), living)
	wantErr(t, err, ErrNoLine)
	_, err = r.NewMember("other", Oldest(), living)
	wantErr(t, err, ErrNoLine)
	_, err = heapRing(t, Geometry{Slots: 4}).NewMember("g", Oldest(), living)
	wantErr(t, err, ErrPolicy)
}

// TestANameThatNoGroupMayHaveIsShownInQuotes: the words of a group's line are anybody's, and go to terminals.
func TestANameThatNoGroupMayHaveIsShownInQuotes(t *testing.T) {
	r := heapRing(t, Geometry{Slots: 4, Policy: PolicyLossless})
	mustMember(t, r, "g", Oldest(), living)
	mustSend(t, mustWriter(t, r, living), "0")
	for i, w := range packName("\x1b[31mEVIL\n\x1b]0;pwned\a") {
		r.gates[r.Groups()[0].Line].name()[i].Store(w)
	}
	want := `"\x1b[31mEVIL\n\x1b]0;pwned\a"`
	if g, m := r.Groups(), r.Gates(); g[0].Name != want || m[0].Group != want {
		t.Errorf("the groups are %+v, the subscriptions %+v, want %s", g, m, want)
	}
	if e := r.Examine(); len(e.Behind) != 1 || e.Behind[0].What != "group "+want {
		t.Errorf("%+v is behind, want %s", e.Behind, want)
	}
}

// TestADeadMemberWhosePinTheHeadHasPassed: it looked at the cursor, was slow, and died when it had pinned where the head was no more.
func TestADeadMemberWhosePinTheHeadHasPassed(t *testing.T) {
	r, kill := mortal(t, Geometry{Slots: 4, Policy: PolicyLossless})
	w := mustWriter(t, r, living)
	a := mustMember(t, r, "g", Oldest(), dying)
	b := mustMember(t, r, "g", Oldest(), living)
	for i := range 8 {
		mustSend(t, w, fmt.Sprint(i))
		wantTaken(t, b, fmt.Sprint(i), 1)
		b.Ack()
	}
	a.pin(0, 1)
	kill(dying)
	wantErr(t, w.Claim(1), ErrHeldByGate)
	wantNothing(t, b)
	r.Sweep()
	mustSend(t, w, "8")
	wantTaken(t, b, "8", 1)
	if n := len(r.Gates()); n != 1 {
		t.Fatalf("%d subscriptions are left, want 1", n)
	}
}
