package segment

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"

	"shmbus/internal/mem"
)

// A Segment is an open segment. Its methods may be called concurrently. Slices that it hands out are valid until Close.
type Segment struct {
	dir, name string
	access    Access
	head      header // immutable: as read and checked at Open

	mu        sync.RWMutex // held for reading by whoever uses what Close takes away
	closed    bool
	seg       *file
	bell      *file // nil: a tap that may not open it
	lease     *file // takes locks, asks nothing; nil for taps
	ask       *file // asks, never takes a lock: to the holder of a lock the kernel says that it is free
	witness   *file // asks what is shown, open for reading; nil: nobody has asked, or it may not be read; guarded by ownMu
	mapped    []byte
	bells     []byte
	bellWrite bool
	shared    *sharedHeader
	slots     []sharedParticipant

	ownMu sync.Mutex // guards own and witness; taken after mu
	own   map[int]*Participant
}

// Name is the segment's name, without directory and extension.
func (s *Segment) Name() string { return s.name }

// Dir is the absolute path of the bus directory.
func (s *Segment) Dir() string { return s.dir }

// Path is the absolute path of NAME.seg.
func (s *Segment) Path() string { return s.path(extSegment) }

func (s *Segment) path(ext string) string { return filepath.Join(s.dir, s.name+ext) }

// Nonce is the random number, never 0, that the three files of one creation have in common.
func (s *Segment) Nonce() uint64 { return s.head.nonce }

// Generation is the time of creation in nanoseconds since 1970: a segment made anew has a higher one, unless the machine's
// clock was put back. To tell two segments apart compare nonces.
func (s *Segment) Generation() uint64 { return s.head.generation }

// Access is what the segment was opened for.
func (s *Segment) Access() Access { return s.access }

// PageSize is the size of a page, in bytes: what regions are multiples of.
func (s *Segment) PageSize() int { return int(s.head.pageSize) }

// Ephemeral says whether the segment was made to be removed with its last participant.
func (s *Segment) Ephemeral() bool { return s.head.ephemeral }

// Participants is the number of slots of the participant table.
func (s *Segment) Participants() int { return int(s.head.participantCount) }

// RegionsStart is the offset, in bytes, of the first region.
func (s *Segment) RegionsStart() int64 { return s.head.regionsStart }

// RegionsEnd is the end of the last region, as it is now.
func (s *Segment) RegionsEnd() (int64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return 0, s.errClosed()
	}
	return s.regionsEnd()
}

// Table is the memory of the topic table, writable if the segment is. nil after Close.
func (s *Segment) Table() []byte {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil
	}
	return s.mapped[s.head.table:][:s.head.tableBytes:s.head.tableBytes]
}

// Bells is the memory of the bells. nil if this process may not even read the bell file, and after Close.
func (s *Segment) Bells() []byte {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.bells == nil {
		return nil
	}
	return s.bells[s.head.pageSize:]
}

// MendBells is a Mapping's Mend for Bells, for as long as the segment is open; nil if there are none.
func (s *Segment) MendBells(notice *atomic.Uint32) (*Mend, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.bells == nil {
		return nil, nil
	}
	return mend(s.bells[s.head.pageSize:], notice)
}

// BellsWritable tells whether Bells and TableBell may be written to. If not, stores to them fault.
func (s *Segment) BellsWritable() bool { return s.bellWrite }

// TableBell is a line of 64 bytes in the bell file: the bell that is rung when the topic table changes. nil when Bells is.
func (s *Segment) TableBell() []byte {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.bells == nil {
		return nil
	}
	return s.bells[offTableBell:][:tableBellBytes:tableBellBytes]
}

// Size is the size of NAME.seg now, in bytes.
func (s *Segment) Size() (int64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return 0, s.errClosed()
	}
	st, err := s.seg.stat()
	return st.size, err
}

// Allocated is how much memory, or disk, NAME.seg takes now, in bytes.
func (s *Segment) Allocated() (int64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return 0, s.errClosed()
	}
	st, err := s.seg.stat()
	return st.allocated, err
}

// Stale tells that this is no longer the segment of that name, as Gone does.
func (s *Segment) Stale() bool { return s.Gone() != nil }

// Gone is nil as long as this is the segment of that name. An ErrDead: one of its three files was removed or replaced by another, or its header says
// that it is dead. An ErrTruncated or ErrCorrupt: the files are there, and the header has been cut off or overwritten. (What the other two begin with
// matters to those who come, and to nobody who has them open.) It costs four system calls. A closed segment is an os.ErrClosed.
func (s *Segment) Gone() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return s.errClosed()
	}
	for ext, f := range map[string]*file{extSegment: s.seg, extBell: s.bell, extLease: s.lease} {
		if s.gone(ext, f) {
			return errDead(s.path(ext), "file: was removed or replaced")
		}
	}
	var b [headerBytes]byte // read, not looked up in the mapping: a file cut short must not fault here
	n, err := s.seg.readAt(b[:], 0)
	if err != nil {
		return nil
	}
	if n < len(b) {
		return fault(ErrTruncated, s.Path(), "header", "has %d bytes of %d", n, len(b))
	}
	nonce, state := order.Uint64(b[offNonce:]), order.Uint64(b[offState:])
	switch {
	case nonce != s.head.nonce:
		return fault(ErrCorrupt, s.Path(), "nonce", "was %#x when it was opened, and is %#x", s.head.nonce, nonce)
	case state == stateDead:
		return errDead(s.Path(), "its header says so")
	case state != stateLive:
		return fault(ErrCorrupt, s.Path(), "state", "is %d, neither live nor dead", state)
	}
	return nil
}

// Touch sets the time of NAME.seg to now, which those who watch the directory are told of: a store into the mapping raises no file event.
func (s *Segment) Touch() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return s.errClosed()
	}
	return s.seg.touch()
}

// MarkDead tells everybody that the segment is no longer to be used. There is no way back.
func (s *Segment) MarkDead() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.writable("mark it dead"); err != nil {
		return err
	}
	s.shared.state.Store(stateDead)
	return nil
}

// Close gives everything back: the leases of this segment's participants are dropped, memory is unmapped, descriptors are closed.
// Mappings made by Map stay until they are closed themselves, and so does private memory in the place of the bells, for as long as somebody
// has the segment: a bell may be rung after Close, which then nobody hears. Close is idempotent.
func (s *Segment) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	var err error
	for _, p := range s.own {
		err = errors.Join(err, p.leave())
	}
	s.closed = true
	return errors.Join(err, s.release())
}

// release gives back what open took, however far it came.
func (s *Segment) release() error {
	err := errors.Join(unmapIf(s.mapped), s.leaveBells(),
		s.seg.close(), s.bell.close(), s.lease.close(), s.ask.close(), s.witness.close())
	s.mapped, s.bells, s.shared, s.slots = nil, nil, nil, nil
	return err
}

// leaveBells takes the bells away. Somebody may be about to ring one: private zeros stay in their place until the garbage collector finds that
// nobody has the segment any more.
func (s *Segment) leaveBells() error {
	if s.bells == nil {
		return nil
	}
	if err := revoke(s.bells); err != nil {
		return errors.Join(err, unmap(s.bells))
	}
	forget(s.bells)
	runtime.AddCleanup(s, func(b []byte) { _ = unmap(b) }, s.bells)
	return nil
}

func unmapIf(b []byte) error {
	if b == nil {
		return nil
	}
	return unmap(b)
}

// attach finds the shared words in the mapped pages.
func (s *Segment) attach() error {
	h, err := mem.View[sharedHeader](s.mapped, 0, 1)
	if err != nil {
		return err
	}
	s.shared = &h[0]
	s.slots, err = mem.View[sharedParticipant](s.mapped, int(s.head.participants), int(s.head.participantCount))
	return err
}

func (s *Segment) errClosed() error {
	return fmt.Errorf("segment %s: %w", s.Path(), os.ErrClosed)
}

func (s *Segment) errLeaseLost() error {
	return fault(ErrLeaseLost, s.lease.path, "descriptor", "was closed by another part of this process")
}

// writable is an error unless the segment is open, and for writing, which what is said needs. The caller holds s.mu.
func (s *Segment) writable(what string) error {
	switch {
	case s.closed:
		return s.errClosed()
	case s.access != ReadWrite:
		return s.errReadOnly(what)
	}
	return nil
}

func (s *Segment) errReadOnly(what string) error {
	return fmt.Errorf("segment %s: cannot %s: %w", s.Path(), what, ErrReadOnly)
}
