//go:build linux && (amd64 || arm64)

package segment

import (
	"errors"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sendFault makes the kernel tell this thread of a fault at p, as it does when a file has been cut short. An emulator takes a SIGBUS for one of its
// own; there the handler gets another signal.
func sendFault(t *testing.T, p *byte) {
	t.Helper()
	sig := unix.SIGBUS
	if emulated() {
		sig = unix.SIGUSR2
		var a, old sigaction
		if err := errors.Join(setSignal(unix.SIGBUS, nil, &a), setSignal(sig, &a, &old)); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = setSignal(sig, &old, nil) }()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	info := struct {
		signo, errno, code, _ int32
		addr                  uintptr
		_                     [104]byte
	}{signo: int32(sig), code: 2, addr: uintptr(unsafe.Pointer(p))}
	_, _, e := unix.RawSyscall6(unix.SYS_RT_TGSIGQUEUEINFO, uintptr(unix.Getpid()), uintptr(unix.Gettid()), uintptr(sig),
		uintptr(unsafe.Pointer(&info)), 0, 0)
	if e != 0 {
		t.Fatal(e)
	}
}

func emulated() bool { return os.Getenv("SHMBUS_TEST_RUNNER") != "" }

// mended is a mapping of 3 pages with twos in them, and a Mend of it.
func mended(t *testing.T, s *Segment, off int64, notice *atomic.Uint32) (*Mapping, *Mend) {
	t.Helper()
	m, err := s.Map(off, 3*4096, 3*4096)
	if err != nil {
		t.Fatal(err)
	}
	for i := range m.Bytes() {
		m.Bytes()[i] = 2
	}
	d, err := m.Mend(notice)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.End(); _ = m.Close() })
	return m, d
}

// The kernel is asked to say that there was a fault, so that the handler can be tried where faults do not come to programs, as under qemu-user.
func TestAMendedFaultPutsZerosIntoThePageAndTellsAll(t *testing.T) {
	s, off := region(t, 3)
	var a, b, c atomic.Uint32
	c.Store(7)
	m, d := mended(t, s, off, &a)
	other, _ := m.Mend(&b)
	defer other.End()
	busy, _ := m.Mend(&c)
	defer busy.End()
	ended, _ := m.Mend(new(atomic.Uint32))
	ended.End()
	ended.End() // which is once too often
	if one, _ := m.Mend(new(atomic.Uint32)); one != nil {
		if two, _ := m.Mend(new(atomic.Uint32)); one == two {
			t.Fatal("a Mend was given out twice")
		} else {
			two.End()
		}
		one.End()
	}
	if d.Err() != nil {
		t.Fatal(d.Err())
	}
	sendFault(t, &m.Bytes()[4096+10])
	for i, want := range []byte{2, 0, 2} {
		for _, x := range m.Bytes()[i*4096:][:4096] {
			if x != want {
				t.Fatalf("page %d: %d, want %d", i, x, want)
			}
		}
	}
	if a.Load() != 1 || b.Load() != 1 || c.Load() != 7 {
		t.Errorf("the notices are %d, %d, %d", a.Load(), b.Load(), c.Load())
	}
	m.Bytes()[4096] = 9 // private, and writable
	again, err := s.Map(off, 3*4096, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if again.Bytes()[4096] != 2 {
		t.Error("what was stored into the private page is in the file")
	}
}

// TestANoticeIsLeftAloneOnceItsMendHasEnded: its memory may be somebody else's then, and the Mend that of another mapping, which is told of no fault but its own.
// Threads are in the handler all the time.
func TestANoticeIsLeftAloneOnceItsMendHasEnded(t *testing.T) {
	s, off := region(t, 3)
	var faulty, fine [2]*Mapping // one of the fine ones lies higher, perhaps, and one lower
	for i := range faulty {
		for _, m := range []**Mapping{&fine[i], &faulty[i]} {
			var err error
			if *m, err = s.Map(off, 3*4096, 3*4096); err != nil {
				t.Fatal(err)
			}
			defer (*m).Close()
		}
		kept, err := faulty[i].Mend(new(atomic.Uint32)) // up to the last fault
		if err != nil {
			t.Fatal(err)
		}
		defer kept.End()
	}
	threads := 2
	if emulated() {
		threads = 1 // see sendFault
	}
	var done atomic.Bool
	var wg sync.WaitGroup
	for i := range threads {
		wg.Go(func() {
			for !done.Load() {
				sendFault(t, &faulty[i].Bytes()[4096])
			}
		})
	}
	defer func() {
		done.Store(true)
		wg.Wait()
	}()
	for start := time.Now(); time.Since(start) < 300*time.Millisecond; {
		for i := range 100 {
			var notice, other atomic.Uint32
			d, err := faulty[i%2].Mend(&notice)
			if err != nil {
				t.Fatal(err)
			}
			d.End()
			notice.Store(0) // it is another's now
			if d, err = fine[i/2%2].Mend(&other); err != nil {
				t.Fatal(err)
			}
			for range 20 {
				if notice.Load() != 0 || other.Load() != 0 {
					t.Fatalf("notices are given after the end, %d, and of the faults of others, %d", notice.Load(), other.Load())
				}
			}
			d.End()
		}
	}
}

func TestAMendEndsWhenNobodyIsInTheHandler(t *testing.T) {
	s, off := region(t, 3)
	_, d := mended(t, s, off, new(atomic.Uint32))
	mending.Add(1)
	ended := make(chan struct{})
	go func() { d.End(); close(ended) }()
	select {
	case <-ended:
		t.Error("it has ended")
	case <-time.After(20 * time.Millisecond): // not synchronisation: time in which it must not end
	}
	mending.Add(^uint32(0))
	<-ended
	if n := mending.Load(); n != 0 {
		t.Errorf("%d threads are in the handler", n)
	}
}

func TestAFileThatIsCutShortIsMended(t *testing.T) {
	if emulated() {
		t.Skip("an emulator does not say where a memory fault was")
	}
	s, off := region(t, 3)
	var notice atomic.Uint32
	m, d := mended(t, s, off, &notice)
	plain, err := s.Map(off, 3*4096, 3*4096)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	if err := os.Truncate(s.Path(), off+4096); err != nil {
		t.Fatal(err)
	}
	if m.Bytes()[4095] != 2 || notice.Load() != 0 || d.Err() != nil {
		t.Fatal("what is there was mended")
	}
	poke(m.Bytes(), 8191)
	if m.Bytes()[8190] != 0 || m.Bytes()[8191] != 1 || notice.Load() != 1 {
		t.Fatalf("the page has %d, %d; the notice is %d", m.Bytes()[8190], m.Bytes()[8191], notice.Load())
	}
	if err := d.Err(); !errors.Is(err, ErrTruncated) || !says(err, s.Path()) {
		t.Errorf("the error is %v", err)
	}
	if at, faulted := faults(plain.Bytes(), 8191); !faulted || !plain.Contains(at) {
		t.Errorf("what is not mended does not fault, or elsewhere: %v, %#x", faulted, at)
	}
	// Used again, it knows nothing of what was.
	d.End()
	var fresh atomic.Uint32
	d2, err := plain.Mend(&fresh)
	if err != nil {
		t.Fatal(err)
	}
	defer d2.End()
	if d2 != d || d2.Err() != nil {
		t.Errorf("a Mend that was given back is not used again, or has the error %v", d2.Err())
	}
	if _, faulted := faults(plain.Bytes(), 8191); faulted || fresh.Load() != 1 || notice.Load() != 1 {
		t.Errorf("faulted %v, notices %d and %d", faulted, fresh.Load(), notice.Load())
	}
}
