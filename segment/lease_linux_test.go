package segment

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

func init() {
	helpers["join"] = func(args []string) {
		s, err := Open(args[0], "a", ReadWrite)
		must(err)
		p, err := s.Join()
		must(err)
		fmt.Println(uint64(p.Owner()))
		waitForInput()
		must(p.Leave())
		fmt.Println("left")
		waitForInput()
	}
}

// readOwner is the owner a helper prints.
func (p *process) readOwner() Owner {
	p.t.Helper()
	n, err := strconv.ParseUint(p.read(), 10, 64)
	if err != nil {
		p.t.Fatal(err)
	}
	return Owner(n)
}

// wantAlive checks what a segment says of an owner.
func wantAlive(t *testing.T, s *Segment, o Owner, want bool) {
	t.Helper()
	if alive, known := s.Alive(o); alive != want || !known {
		t.Errorf("%v: alive %v, known %v, want %v", o, alive, known, want)
	}
}

func TestAParticipantLivesAsLongAsItsProcess(t *testing.T) {
	s := create(t, Options{Participants: 2})
	own := join(t, s)
	wantAlive(t, s, own.Owner(), true)

	p := startHelper(t, nil, "join", s.Dir())
	first := p.readOwner()
	if first.Slot() != 1 || first.Generation() != 1 {
		t.Errorf("the second participant is %v", first)
	}
	wantAlive(t, s, first, true)
	infos := s.ParticipantTable()
	if len(infos) != 2 || infos[0].PID != os.Getpid() || infos[1].PID != p.cmd.Process.Pid || !infos[1].Alive ||
		infos[1].Start < infos[0].Start || infos[0].Start == 0 || infos[1].Opened.Before(infos[0].Opened) || infos[1].Owner() != first {
		t.Errorf("participants are %+v", infos)
	}
	p.kill()
	wantAlive(t, s, first, false)
	if infos := s.ParticipantTable(); len(infos) != 2 || infos[1].Alive || infos[1].PID == 0 {
		t.Errorf("after the kill participants are %+v", infos)
	}

	// The slot is taken again: the dead owner stays dead though the lock is held.
	p = startHelper(t, nil, "join", s.Dir())
	next := p.readOwner()
	if next.Slot() != 1 || next.Generation() != 2 {
		t.Errorf("the next participant is %v", next)
	}
	wantAlive(t, s, first, false)
	wantAlive(t, s, next, true)
	fmt.Fprintln(p.in, "leave")
	p.want("left")
	wantAlive(t, s, next, false)
	if infos := s.ParticipantTable(); len(infos) != 1 {
		t.Errorf("who left is still there: %+v", infos)
	}
}

// TestWhoIsStoppedWhileItJoinsKeepsNobodyDeadAlive: between the lock of a slot and its generation the slot's last owner looks alive. So the slots of
// those who crashed are taken last, also of one whose slot another has begun to take, and died amid it.
func TestWhoIsStoppedWhileItJoinsKeepsNobodyDeadAlive(t *testing.T) {
	for _, again := range []bool{false, true} {
		s := create(t, Options{Participants: 4})
		p := startHelper(t, nil, "join", s.Dir())
		dead := p.readOwner()
		p.kill()
		if again {
			s.slots[dead.Slot()].pid.Store(0)
		}
		var joined []Owner
		joins := func() *Participant {
			x := open(t, s.Dir(), "a", ReadWrite)
			stopped := false
			defer func(old func(string)) { point = old }(point)
			point = func(name string) { // here it is stopped, and others look
				stopped = stopped || name == "slot locked"
				wantAlive(t, s, dead, false)
			}
			p := join(t, x)
			if !stopped {
				t.Fatal("it has not come by")
			}
			joined = append(joined, p.Owner())
			return p
		}
		must(joins().Leave()) // a slot that was left is as good as one that was never taken
		for range 3 {
			joins()
		}
		if want := []Owner{newOwner(1, 1), newOwner(1, 2), newOwner(2, 1), newOwner(3, 1)}; !slices.Equal(joined, want) {
			t.Errorf("another amid it: %v: slots are %v, want %v", again, joined, want)
		}
		if last := join(t, open(t, s.Dir(), "a", ReadWrite)).Owner(); last != newOwner(dead.Slot(), 2) {
			t.Errorf("when there is no other slot, that of the dead one is taken as %v", last)
		}
		wantAlive(t, s, dead, false)
	}
}

func TestTwoHandlesOfOneProcessSeeEachOther(t *testing.T) {
	a := create(t, Options{})
	b := open(t, a.Dir(), "a", ReadWrite)
	pa, pb, pa2 := join(t, a), join(t, b), join(t, a)
	if pa.Slot() != 0 || pb.Slot() != 1 || pa2.Slot() != 2 {
		t.Errorf("slots are %d %d %d", pa.Slot(), pb.Slot(), pa2.Slot())
	}
	for _, p := range []*Participant{pa, pb, pa2} {
		wantAlive(t, a, p.Owner(), true)
		wantAlive(t, b, p.Owner(), true)
		if err := p.Check(); err != nil {
			t.Error(err)
		}
	}
	if err := errors.Join(pa.Leave(), pa.Leave()); err != nil {
		t.Error(err)
	}
	wantAlive(t, a, pa.Owner(), false)
	wantAlive(t, b, pa.Owner(), false)
	if err := pa.Check(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Check after Leave: %v", err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	wantAlive(t, b, pa2.Owner(), false)
	wantAlive(t, b, pb.Owner(), true)
	if alive, known := a.Alive(pb.Owner()); !alive || known {
		t.Error("a closed segment knows")
	}
	if err := errors.Join(pa2.Leave(), a.Close()); err != nil {
		t.Error(err)
	}
	if _, err := a.Join(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Join after Close: %v", err)
	}
}

func TestOwnersThatCannotBeAreDead(t *testing.T) {
	s := create(t, Options{Participants: 4})
	join(t, s)
	for _, x := range []*Segment{s, open(t, s.Dir(), "a", ReadWrite)} { // to its holder the kernel says that a slot is free
		for _, o := range []Owner{0, newOwner(0, 2), newOwner(0, 1|1<<40), newOwner(1, 1), newOwner(4, 1), newOwner(65535, maxGeneration), Owner(3)} {
			wantAlive(t, x, o, false)
		}
	}
}

func TestAFullTableSaysHowManyAndWhatToDo(t *testing.T) {
	s := create(t, Options{Participants: 3})
	for range 3 {
		join(t, s)
	}
	_, err := open(t, s.Dir(), "a", ReadWrite).Join()
	if !errors.Is(err, ErrParticipants) || !says(err, "all 3 slots") || !says(err, "as many as it was made with") {
		t.Errorf("error is %v", err)
	}
}

func TestManyJoinAndLeaveAtOnceAndNoTwoHaveOneSlot(t *testing.T) {
	s := create(t, Options{Participants: 16})
	var mu sync.Mutex
	held, seen := map[int]bool{}, map[Owner]bool{}
	var wg sync.WaitGroup
	for i := range 8 {
		x := s
		if i%2 == 1 {
			x = open(t, s.Dir(), "a", ReadWrite)
		}
		wg.Go(func() {
			for range 50 {
				p, err := x.Join()
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if held[p.Slot()] || seen[p.Owner()] {
					t.Errorf("%v is given twice", p.Owner())
				}
				held[p.Slot()], seen[p.Owner()] = true, true
				mu.Unlock()
				if err := p.Check(); err != nil {
					t.Error(err)
				}
				mu.Lock()
				held[p.Slot()] = false
				mu.Unlock()
				if err := p.Leave(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func TestAGenerationAtItsEndBeginsAgain(t *testing.T) {
	s := create(t, Options{})
	for before, want := range map[uint64]uint64{7: 8, maxGeneration - 1: maxGeneration, maxGeneration: 1} {
		s.slots[0].generation.Store(before)
		p := join(t, s)
		if got := p.Owner().Generation(); got != want || s.slots[0].generation.Load() != want {
			t.Errorf("after %d comes %d", before, got)
		}
		wantAlive(t, s, p.Owner(), true)
		p.Leave()
	}
}

// TestAGenerationThatNobodyStoresProvesNoDeath: who holds the slot lives, whoever that is; when nobody does, its owners are dead, and stay it.
func TestAGenerationThatNobodyStoresProvesNoDeath(t *testing.T) {
	for _, bad := range []uint64{0, maxGeneration + 1, 1<<64 - 1} {
		s := create(t, Options{Participants: 1})
		s.slots[0].generation.Store(6)
		p := startHelper(t, nil, "join", s.Dir())
		o := p.readOwner()
		if o != newOwner(0, 7) {
			t.Fatalf("the participant is %v", o)
		}
		s.slots[0].generation.Store(bad)
		if alive, known := s.Alive(o); !alive || known {
			t.Errorf("with %#x: alive %v, known %v", bad, alive, known)
		}
		if all := s.ParticipantTable(); len(all) != 1 || !all[0].Alive || !all[0].Known || all[0].PID != p.cmd.Process.Pid || !all[0].Overwritten {
			t.Errorf("with %#x participants are %+v", bad, all)
		}
		p.kill()
		wantAlive(t, s, o, false)
		next := join(t, s)
		wantAlive(t, s, o, false)
		wantAlive(t, open(t, s.Dir(), "a", ReadWrite), o, false)
		wantAlive(t, s, next.Owner(), true)
		if all := s.ParticipantTable(); len(all) != 1 || all[0].Overwritten || all[0].Owner() != next.Owner() {
			t.Errorf("after %#x participants are %+v", bad, all)
		}
	}
}

// TestAGenerationOfAnotherHolderIsADeath: also one that is lower, which nobody stores after a higher one.
func TestAGenerationOfAnotherHolderIsADeath(t *testing.T) {
	s := create(t, Options{})
	s.slots[0].generation.Store(6)
	o := startHelper(t, nil, "join", s.Dir()).readOwner()
	for _, g := range []uint64{1, 6, 8, maxGeneration} {
		s.slots[0].generation.Store(g)
		wantAlive(t, s, o, false)
	}
}

func TestWhoHoldsASlotStoresItsGenerationAgain(t *testing.T) {
	for _, bad := range []uint64{0, maxGeneration + 1, 1<<64 - 1} {
		s := create(t, Options{})
		p, other := join(t, s), open(t, s.Dir(), "a", ReadWrite)
		s.slots[0].generation.Store(bad)
		if err := p.Check(); err != nil {
			t.Errorf("%#x: %v", bad, err)
		}
		wantAlive(t, other, p.Owner(), true)
		s.slots[0].generation.Store(bad)
		must(s.lease.unlock(0, 1))
		if err := p.Check(); !errors.Is(err, ErrLeaseLost) || s.slots[0].generation.Load() != bad {
			t.Errorf("%#x, and its lock is gone: %v, %#x", bad, err, s.slots[0].generation.Load())
		}
	}
}

// Things are done behind the segment's back, as by a library that closes all descriptors.
func TestALeaseThatIsGoneIsNoticed(t *testing.T) {
	for _, c := range []struct {
		name  string
		steal func(s *Segment)
	}{
		{"lease descriptor closed", func(s *Segment) { unix.Close(s.lease.fd) }},
		{"lease descriptor became another file", func(s *Segment) { unix.Dup3(s.seg.fd, s.lease.fd, unix.O_CLOEXEC) }},
		{"lock dropped", func(s *Segment) { s.lease.unlock(0, 1) }},
		{"slot taken by another", func(s *Segment) { s.slots[0].generation.Add(1) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := create(t, Options{})
			p := join(t, s)
			if err := p.Check(); err != nil {
				t.Fatal(err)
			}
			c.steal(s)
			if err := p.Check(); !errors.Is(err, ErrLeaseLost) {
				t.Errorf("error is %v", err)
			}
			s.Close()
		})
	}
}

func TestWithoutItsDescriptorASegmentTakesNobodyForDead(t *testing.T) {
	s := create(t, Options{})
	other := open(t, s.Dir(), "a", ReadWrite)
	p := join(t, other)
	for _, steal := range []func(){
		func() { unix.Dup3(s.seg.fd, s.ask.fd, unix.O_CLOEXEC) }, // there the byte is free
		func() { unix.Close(s.ask.fd) },
	} {
		steal()
		if alive, known := s.Alive(p.Owner()); !alive || known {
			t.Errorf("alive %v, known %v", alive, known)
		}
	}
	s.Close()
}

// A dying process's descriptors are closed from the highest number down, and an inotify descriptor takes long.
func TestLocksAreLetGoOfBeforeWhatIsOpenedLater(t *testing.T) {
	s := create(t, Options{})
	join(t, s)
	lock, err := LockDir(t.Context(), s.Dir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	for range 20 {
		fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		if fd > s.lease.fd || fd > lock.f.fd {
			t.Fatalf("the lease is descriptor %d, the directory's lock %d, and one opened later is %d", s.lease.fd, lock.f.fd, fd)
		}
	}
	for _, fd := range []int{s.lease.fd, lock.f.fd} {
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("descriptor %d would be inherited: %v, %v", fd, flags, err)
		}
	}
}

// TestWhoTookALostSlotLives: a library has closed all descriptors of the first one, which does not know that yet.
func TestWhoTookALostSlotLives(t *testing.T) {
	s := create(t, Options{Participants: 1})
	p := join(t, s)
	unix.Close(s.lease.fd)
	q := join(t, open(t, s.Dir(), "a", ReadWrite))
	if q.Slot() != p.Slot() {
		t.Fatalf("the next one has slot %d", q.Slot())
	}
	if alive, known := s.Alive(q.Owner()); !alive && known {
		t.Errorf("%v, who has the slot, is dead to %v, who had it", q.Owner(), p.Owner())
	}
	if alive, known := s.Alive(p.Owner()); alive || !known {
		t.Errorf("the one before: alive %v, known %v", alive, known)
	}
	s.Close()
}
