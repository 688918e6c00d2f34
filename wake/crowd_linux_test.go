//go:build amd64 || arm64

package wake_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"shmbus/internal/testproc"
	"shmbus/wake"
	"shmbus/wake/waketest"
)

func crowded(t *testing.T) wake.Notifier {
	t.Helper()
	n, err := wake.FutexInACrowd()
	if err != nil {
		t.Skip(err)
	}
	return n
}

func threads(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// until waits for a condition, for long enough.
func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !f(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// A stage is many sleepers, each on a bell of its own, that count what they wait for.
type stage struct {
	n     wake.Notifier
	lines []wake.Line
	due   []atomic.Uint64 // what is there for each
	seen  []atomic.Uint64
	wait  sync.WaitGroup
}

func newStage(ctx context.Context, n wake.Notifier, count int) *stage {
	s := &stage{n: n, lines: make([]wake.Line, count), due: make([]atomic.Uint64, count), seen: make([]atomic.Uint64, count)}
	for i := range count {
		s.wait.Go(func() {
			w := wake.NewWaiter(n, wake.Block)
			defer w.Close()
			ready := func() bool { return s.due[i].Load() > s.seen[i].Load() }
			for w.Wait(ctx, &s.lines[i].Bell, ready, 0) == nil {
				if ready() {
					s.seen[i].Add(1)
				}
			}
		})
	}
	return s
}

func (s *stage) ring(i int) {
	s.due[i].Add(1)
	s.lines[i].Bell.Ring(s.n)
}

// ringAll rings for one after the other, and waits until it is awake.
func (s *stage) ringAll(t *testing.T) {
	t.Helper()
	for i := range s.lines {
		s.ring(i)
		until(t, "who is rung for is awake", func() bool { return s.seen[i].Load() == s.due[i].Load() })
	}
}

func TestAThousandSleepersShareAFewThreads(t *testing.T) {
	n := crowded(t)
	const count = 1000
	before := threads(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := newStage(ctx, n, count)
	until(t, "all sleep", func() bool { return wake.Sleepers(n) == count })
	if now := threads(t); now > before+12 {
		t.Errorf("%d threads, %d before", now, before)
	}
	if w := wake.Watches(n); w != 8 {
		t.Errorf("%d watches, want 8 of up to 127 bells", w)
	}
	for round := range uint64(3) {
		for i := range count {
			s.ring(i)
			if i%7 == 0 { // now and then alone, otherwise many at once
				until(t, "one is woken", func() bool { return s.seen[i].Load() == round+1 })
			}
		}
		for i := range count {
			until(t, "all are woken", func() bool { return s.seen[i].Load() == round+1 })
		}
	}
	cancel()
	s.wait.Wait()
	until(t, "the threads end", func() bool { return wake.Watches(n) == 0 })
}

// asleep says whether so many sleep on threads of their own, and so many in the crowd.
func asleep(n wake.Notifier, direct, crowd int) func() bool {
	return func() bool { return wake.Direct(n) == direct && wake.Sleepers(n) == crowd }
}

// eight is a notifier with a crowd of its own, and as many sleepers as have threads of their own.
func eight(ctx context.Context, t *testing.T) (wake.Notifier, *stage) {
	t.Helper()
	n, err := wake.FutexOfItsOwn()
	if err != nil {
		t.Skip(err)
	}
	first := newStage(ctx, n, 8)
	until(t, "eight sleep on threads of their own", asleep(n, 8, 0))
	return n, first
}

// TestALargeCrowdTakesInWhoHasAThread: eight sleep on threads of their own, until there are more bells than one thread can watch; and again when
// these have gone.
func TestALargeCrowdTakesInWhoHasAThread(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n, first := eight(ctx, t)
	for range 3 {
		more, leave := context.WithCancel(ctx)
		s := newStage(more, n, 200)
		until(t, "all sleep in the crowd", asleep(n, 0, 208))
		for i := range s.lines {
			s.ring(i)
		}
		for i := range s.lines {
			until(t, "the crowd is woken", func() bool { return s.seen[i].Load() == 1 })
		}
		leave()
		s.wait.Wait()
		first.ringAll(t) // those of the second watch move into the first
		until(t, "a thread is enough", func() bool { return wake.Watches(n) <= 1 })
		first.ringAll(t)
		until(t, "eight sleep on threads of their own again", asleep(n, 8, 0))
	}
	cancel()
	first.wait.Wait()
}

// TestACrowdThatWasLargeMovesTogether: one sleeper comes into the crowd's first watch, seven into its second one; when the others have gone a thread is enough for all
// eight, and then none.
func TestACrowdThatWasLargeMovesTogether(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n, first := eight(ctx, t)
	more, leave := context.WithCancel(ctx)
	some := newStage(more, n, 100)
	until(t, "a hundred sleep in the crowd", asleep(n, 8, 100))
	first.ring(0)
	until(t, "one of the eight does", asleep(n, 7, 101))
	others := newStage(more, n, 100)
	until(t, "all do", asleep(n, 0, 208))
	leave()
	some.wait.Wait()
	others.wait.Wait()
	if w := wake.Watches(n); w != 2 {
		t.Fatalf("%d watches, want 2", w)
	}
	first.ringAll(t)
	until(t, "a thread is enough", func() bool { return wake.Watches(n) <= 1 })
	first.ringAll(t)
	until(t, "eight sleep on threads of their own again", asleep(n, 8, 0))
	cancel()
	first.wait.Wait()
}

// TestACrowdSurvivesBellsThatGo: waiters come, sleep on bells of a mapping of their own, close, and the mapping goes, while others sleep in
// the same watch.
func TestACrowdSurvivesBellsThatGo(t *testing.T) {
	n := crowded(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := newStage(ctx, n, 20)
	file := filepath.Join(t.TempDir(), "bells")
	if err := os.WriteFile(file, make([]byte, os.Getpagesize()), 0o600); err != nil {
		t.Fatal(err)
	}
	rounds := uint64(200)
	if testing.Short() {
		rounds = 20
	}
	for round := range rounds {
		lines, unmap := waketest.MapLines(t, file)
		w := wake.NewWaiter(n, wake.Block)
		if err := w.Wait(ctx, &lines[0].Bell, func() bool { return false }, time.Millisecond); err != nil {
			t.Fatal(err)
		}
		w.Close()
		unmap()
		for i := range s.lines {
			s.ring(i)
		}
		for i := range s.lines {
			until(t, "the others are woken", func() bool { return s.seen[i].Load() == round+1 })
		}
	}
	cancel()
	s.wait.Wait()
}

// TestACrowdSurvivesABellFileThatIsCutShort: whoever sleeps there is woken and meets the fault itself; others sleep on.
func TestACrowdSurvivesABellFileThatIsCutShort(t *testing.T) {
	n := crowded(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := newStage(ctx, n, 3)
	file := filepath.Join(t.TempDir(), "bells")
	if err := os.WriteFile(file, make([]byte, os.Getpagesize()), 0o600); err != nil {
		t.Fatal(err)
	}
	lines, unmap := waketest.MapLines(t, file)
	defer unmap()
	p, sleeping := wake.NewPoke(), make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		close(sleeping)
		ended <- n.Sleep(&lines[0].Bell, lines[0].Bell.Value(), p, time.Minute)
	}()
	<-sleeping
	until(t, "it sleeps", func() bool { return wake.Watches(n) > 0 && wake.Sleepers(n) == 4 })
	if err := unix.Truncate(file, 0); err != nil {
		t.Fatal(err)
	}
	s.ring(0) // the thread looks at all bells
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	for i := range s.lines {
		s.ring(i)
	}
	until(t, "the others are woken", func() bool { return s.seen[0].Load() == 2 && s.seen[1].Load() == 1 && s.seen[2].Load() == 1 })
	cancel()
	s.wait.Wait()
}

// TestASleeperMeetsTheFaultOfABellFileThatIsCutShort in the moment before the system call, whose error is of an address. That of the fault is of the file.
func TestASleeperMeetsTheFaultOfABellFileThatIsCutShort(t *testing.T) {
	if os.Getenv(testproc.RunnerVar) != "" {
		t.Skip("an emulator does not pass on the faults of mappings")
	}
	file := filepath.Join(t.TempDir(), "bells")
	if err := os.WriteFile(file, make([]byte, os.Getpagesize()), 0o600); err != nil {
		t.Fatal(err)
	}
	lines, unmap := waketest.MapLines(t, file)
	defer unmap()
	if err := wake.Woken(unix.EFAULT, &lines[0].Bell); err != nil { // it is long again
		t.Error(err)
	}
	if err := unix.Truncate(file, 0); err != nil {
		t.Fatal(err)
	}
	var err error
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if e, ok := recover().(interface{ Addr() uintptr }); !ok || err != nil {
			t.Errorf("it is told %v, and of the fault %v", err, e)
		}
	}()
	err = woken(&lines[0].Bell)
}

//go:noinline
func woken(b *wake.Bell) error { return wake.Woken(unix.EFAULT, b) }
