package segment

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
)

// A Mapping is a mapped region. Its methods may be called concurrently. It stays when its Segment is closed.
type Mapping struct {
	page   int64
	access Access
	path   string

	mu      sync.Mutex
	b       []byte // nil: closed
	revoked bool
}

// Bytes is the memory. It is valid until Close; nil after it.
func (m *Mapping) Bytes() []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.b
}

// Contains tells whether an address lies in the mapping, such as that of a memory fault (see debug.SetPanicOnFault).
func (m *Mapping) Contains(addr uintptr) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return contains(m.b, addr)
}

// Protect makes size bytes from off on, counted from the start of the mapping, writable or read-only. Both are multiples of the
// page size. A mapping that was revoked or closed gives an os.ErrClosed.
func (m *Mapping) Protect(off, size int64, writable bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch n := int64(len(m.b)); {
	case n == 0 || m.revoked:
		return fmt.Errorf("segment %s: mapping was revoked: %w", m.path, os.ErrClosed)
	case writable && m.access != ReadWrite:
		return fmt.Errorf("segment %s: cannot write to the mapping: %w", m.path, ErrReadOnly)
	case off < 0 || size <= 0 || off > n || size > n-off || off%m.page != 0 || size%m.page != 0:
		return fault(ErrRange, m.path, "mapping", "%d bytes at %d are not whole pages of its %d bytes", size, off, n)
	}
	if err := protect(m.b[off:][:size], writable); err != nil {
		return fmt.Errorf("segment %s: mprotect: %w", m.path, err)
	}
	return nil
}

// Revoke takes the shared memory away and puts private memory in its place, in one step and at the same address. Other goroutines
// may be using the mapping: what they store from then on goes nowhere, what they load is zero or what they stored, and nothing
// faults. Close is still to be called, once nobody uses the mapping any more.
func (m *Mapping) Revoke() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.b == nil || m.revoked {
		return nil
	}
	if err := revoke(m.b); err != nil {
		return fmt.Errorf("segment %s: revoking a mapping: %w", m.path, err)
	}
	m.revoked = true
	return nil
}

// Close unmaps the memory. Nobody may use it any more: an access would be a memory fault, or hit what is mapped there next. Close is
// idempotent.
func (m *Mapping) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.b == nil {
		return nil
	}
	err := unmap(m.b)
	m.b = nil
	return err
}

// Mend sees to it that an access to a page of the mapping that is gone, because the file has been cut short or has a hole that cannot be
// filled, is no memory fault: private zeros come to lie there, and notice, if it is 0, becomes 1 before that. See Mends. The Mend is to be
// ended before the mapping is closed. After Revoke there is nothing to mend.
func (m *Mapping) Mend(notice *atomic.Uint32) (*Mend, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.b == nil {
		return nil, fmt.Errorf("segment %s: mapping was closed: %w", m.path, os.ErrClosed)
	}
	return mend(m.b, notice)
}
