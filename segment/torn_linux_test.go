package segment

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// What rm leaves, which takes names away one by one and without the lock of the directory.

// locked does something with the lock of a directory.
func locked(t *testing.T, dir string, f func()) {
	t.Helper()
	l, err := LockDir(context.Background(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	f()
	must(l.Unlock())
}

func TestASegmentOneOfWhoseFilesIsGoneOrAnothersIsDeadAndItsNameIsFree(t *testing.T) {
	for _, ext := range []string{extSegment, extBell, extLease} {
		for _, replaced := range []bool{false, true} {
			what := fmt.Sprintf("%s, replaced: %v", ext, replaced)
			s := create(t, Options{})
			dir := s.Dir()
			tap := open(t, dir, "a", ReadOnly)
			if s.Stale() || tap.Stale() {
				t.Errorf("%s: a whole segment is stale", what)
			}
			must(os.Remove(s.path(ext)))
			if replaced {
				must2(Create(dir, "b", Options{})).Close()
				must(os.Rename(filepath.Join(dir, "b"+ext), s.path(ext)))
			}
			if !s.Stale() {
				t.Errorf("%s: it is not stale", what)
			}
			if tapKnows := ext != extLease || !replaced; tapKnows { // a tap reads no lease file
				if !tap.Stale() {
					t.Errorf("%s: it is not stale for a tap", what)
				}
				if _, err := Open(dir, "a", ReadOnly); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s: a tap gets %v", what, err)
				}
			}
			_, err := Open(dir, "a", ReadWrite)
			if !errors.Is(err, fs.ErrNotExist) || ext != extSegment && !errors.Is(err, ErrDead) {
				t.Errorf("%s: opened, %v", what, err)
			}
			left, err := Leftovers(dir)
			if found := slices.ContainsFunc(left, func(l Leftover) bool { return l.Kind == HalfGone }); !found || err != nil {
				t.Errorf("%s: leftovers are %v, %v", what, left, err)
			}
			locked(t, dir, func() {
				n, err := Create(dir, "a", Options{})
				if err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				defer n.Close()
				if n.Stale() || !s.Stale() || !tap.Stale() {
					t.Errorf("%s: made anew: the new one is stale: %v, the old one %v, for a tap %v", what, n.Stale(), s.Stale(), tap.Stale())
				}
			})
		}
	}
}

// stepsOf is the points that f comes by.
func stepsOf(f func()) (all []string) {
	defer func(p func(string)) { point = p }(point)
	point = func(name string) { all = append(all, name) }
	f()
	return all
}

// at makes f be called the first time that a step is come to; f itself comes by no step.
func at(step string, f func()) (undo func()) {
	old := point
	point = func(name string) {
		if name == step {
			point = old
			f()
		}
	}
	return func() { point = old }
}

// makes makes a segment, with the lock, and may fail.
func makes(dir string) {
	l, err := LockDir(context.Background(), dir, Options{})
	must(err)
	if s, err := Create(dir, "a", Options{}); err == nil {
		_ = s.Close()
	}
	must(l.Unlock())
}

func TestWhateverRmTakesAwayWhileASegmentIsMadeItCanBeMadeAgain(t *testing.T) {
	dir := busDir(t)
	makes(dir) // the lock file is there
	must(Remove(dir, "a"))
	all := stepsOf(func() { makes(dir) })
	if len(all) < 10 {
		t.Fatalf("steps are %v", all)
	}
	for _, step := range all {
		for taken := range 1 << 4 {
			dir := busDir(t)
			undo := at(step, func() {
				for i, name := range []string{"a.seg", "a.bell", "a.lease", lockName} {
					if taken&(1<<i) != 0 {
						_ = os.Remove(filepath.Join(dir, name))
					}
				}
			})
			makes(dir)
			undo()
			t.Run(fmt.Sprintf("%s %04b", step, taken), func(t *testing.T) { checkAfterCrash(t, dir) })
		}
	}
}

// TestTwoMakersWhoHaveALockEachLeaveNothingThatLasts: rm has taken the lock file from under the first, and the second has made another. Either
// may be killed. If the second is not, its segment is whole when the first goes on, and stays so.
func TestTwoMakersWhoHaveALockEachLeaveNothingThatLasts(t *testing.T) {
	for _, dead := range []bool{false, true} { // whether there is one before, marked dead
		fresh := func() string {
			dir := busDir(t)
			makes(dir)
			if dead {
				s := must2(Open(dir, "a", ReadWrite))
				must(s.MarkDead())
				must(s.Close())
			} else {
				must(Remove(dir, "a"))
			}
			return dir
		}
		dir := fresh()
		all := stepsOf(func() { makes(dir) })
		if len(all) < 10 {
			t.Fatalf("steps are %v", all)
		}
		// killed runs f and ends it at a step; "" for none.
		killed := func(step string, f func()) {
			done := make(chan struct{})
			undo := at(step, runtime.Goexit)
			go func() {
				defer close(done)
				f()
			}()
			<-done
			undo()
		}
		for i, between := range all { // where the first is when the second comes
			for _, first := range append(all[i+1:len(all):len(all)], "") { // where it is killed
				for _, second := range append(all[:len(all):len(all)], "") {
					if dead && second != "" {
						continue
					}
					dir := fresh()
					name := fmt.Sprintf("dead before: %v, first %q, between %q, second %q", dead, first, between, second)
					var used *Segment
					killed(first, func() {
						deadly := point
						defer at(between, func() {
							_ = os.Remove(filepath.Join(dir, lockName))
							point = func(string) {}
							killed(second, func() { makes(dir) })
							if second == "" {
								used = open(t, dir, "a", ReadWrite)
								join(t, used)
							}
							_ = os.Remove(filepath.Join(dir, lockName)) // a killed one has it no more
							point = deadly
						})()
						makes(dir)
					})
					if used != nil {
						if err := used.Gone(); err != nil {
							t.Errorf("%s: the second's segment: %v", name, err)
						}
						must(used.Close())
					}
					_ = os.Remove(filepath.Join(dir, lockName))
					if _, err := Open(dir, "a", ReadWrite); err != nil && !errors.Is(err, fs.ErrNotExist) {
						t.Errorf("%s: %v", name, err)
					}
					t.Run(name, func(t *testing.T) { checkAfterCrash(t, dir) })
					closeAllIn(t, dir)
				}
			}
		}
	}
}

func TestARemovalThatIsLateTakesNothingOfTheNextSegment(t *testing.T) {
	for _, remove := range []func(s *Segment) error{
		func(s *Segment) error { return Remove(s.Dir(), "a") },
		(*Segment).Remove,
		func(s *Segment) error { must(s.MarkDead()); return RemoveLeftovers(s.Dir()) },
	} {
		first := create(t, Options{})
		steps := stepsOf(func() { must(remove(first)) })
		for _, step := range steps {
			s := create(t, Options{})
			var next *Segment
			undo := at(step, func() {
				if err := Remove(s.Dir(), "a"); err != nil && !errors.Is(err, fs.ErrNotExist) {
					t.Error(err)
				}
				next = must2(Create(s.Dir(), "a", Options{}))
				join(t, next)
			})
			if err := remove(s); err != nil {
				t.Errorf("%s: %v", step, err)
			}
			undo()
			if err := next.Gone(); err != nil {
				t.Errorf("%s: %v", step, err)
			}
			if err := s.Remove(); !errors.Is(err, ErrDead) || next.Gone() != nil {
				t.Errorf("%s: removed again: %v, %v", step, err, next.Gone())
			}
			must(next.Close())
		}
	}
}

// TestAWholeSegmentIsNeverTakenForDead: while others make and remove it, with the lock, and somebody looks without.
func TestAWholeSegmentIsNeverTakenForDead(t *testing.T) {
	dir := busDir(t)
	var phase atomic.Uint64 // counts; 0 modulo 3: it is made, 1: it is there, 2: it is removed
	var end atomic.Bool
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for !end.Load() {
				before := phase.Load()
				dead, err := isDead(dir, "a")
				if after := phase.Load(); before == after && before%3 != 2 && dead {
					t.Errorf("in phase %d it is taken for dead", before%3)
				}
				if err != nil && !errors.Is(err, fs.ErrNotExist) {
					t.Error(err)
				}
				before = phase.Load()
				s, err := Open(dir, "a", ReadWrite)
				if err != nil {
					if !errors.Is(err, fs.ErrNotExist) {
						t.Error(err)
					}
					if after := phase.Load(); before == after && before%3 == 1 {
						t.Errorf("it is there, and cannot be opened: %v", err)
					}
					continue
				}
				if stale := s.Stale(); stale && phase.Load() == before && before%3 == 1 {
					t.Error("it is there, and stale")
				}
				_ = s.Close()
			}
		})
	}
	rounds := 100
	for range rounds {
		locked(t, dir, func() {
			must2(Create(dir, "a", Options{Participants: 1})).Close()
			phase.Add(1)
			must2(Open(dir, "a", ReadWrite)).Close()
			phase.Add(1)
			must(Remove(dir, "a"))
			phase.Add(1)
		})
	}
	end.Store(true)
	wg.Wait()
}

func TestTheTopicTableIsOnesAtATime(t *testing.T) {
	s := create(t, Options{})
	other := open(t, s.Dir(), "a", ReadWrite)
	unlock, err := s.LockTable()
	must(err)
	join(t, other)
	held := func(want bool) {
		t.Helper()
		done, err := other.LockTable()
		if want != errors.Is(err, ErrTableHeld) || !want && err != nil {
			t.Errorf("held: %v, %v", want, err)
		}
		if err == nil {
			done()
		}
	}
	held(true)
	unlock()
	held(false)
	must2(s.LockTable())
	held(true)
	must(s.Close()) // as the end of its process
	held(false)
	if _, err := open(t, s.Dir(), "a", ReadOnly).LockTable(); !errors.Is(err, ErrReadOnly) {
		t.Errorf("a tap: %v", err)
	}
	must(Remove(s.Dir(), "a"))
	if _, err := other.LockTable(); !errors.Is(err, ErrDead) {
		t.Errorf("of a segment that was removed: %v", err)
	}
	if err := other.lease.lock(tableLock); err != nil {
		t.Errorf("the lock is held after an error: %v", err)
	}
}

// closeAllIn closes what those have left open who were not really killed.
func closeAllIn(t *testing.T, dir string) {
	t.Helper()
	for _, e := range must2(os.ReadDir("/proc/self/fd")) {
		to, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err == nil && strings.HasPrefix(to, dir+"/") {
			must(syscall.Close(must2(strconv.Atoi(e.Name()))))
		}
	}
}
