package segment

// A Window is one mapping of all regions of a segment, for reading, of which nothing is brought in. It is for those who look at a few pages
// of many regions, again and again: once it is there a look costs no system call. It is renewed when the segment has grown. Its
// methods must not be called concurrently.
type Window struct {
	s    *Segment
	m    *Mapping // nil: there is none yet
	size int64    // of the file, when it was looked at last
}

// Window makes a Window, of which nothing is mapped before it is used.
func (s *Segment) Window() *Window { return &Window{s: s} }

// Renew looks how long the file is now, and returns that. What it does not cover any more is an ErrTruncated from here on.
func (w *Window) Renew() (size int64, err error) {
	w.size, err = w.s.Size()
	return w.size, err
}

// Region is the memory of a range of regions, until the next call of Region or Close. The conditions are those of Map, but that the file
// is only looked at if it was too short at the last Renew: should it be cut short in between, an access is a memory fault.
func (w *Window) Region(off, size int64) ([]byte, error) {
	s := w.s
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, s.errClosed()
	}
	if err := s.region(off, size); err != nil {
		return nil, err
	}
	if size > w.size-off {
		if err := w.measure(off, size); err != nil {
			return nil, err
		}
	}
	first := s.head.regionsStart
	if b := w.bytes(); off+size-first > int64(len(b)) {
		if err := w.remap(); err != nil {
			return nil, err
		}
	}
	b := w.bytes()
	if off+size-first > int64(len(b)) { // it was cut short in this moment
		return nil, w.short(off, size)
	}
	return b[off-first:][:size:size], nil
}

func (w *Window) bytes() []byte {
	if w.m == nil {
		return nil
	}
	return w.m.Bytes()
}

// measure looks whether the file is long enough now for a region.
func (w *Window) measure(off, size int64) error {
	st, err := w.s.seg.stat()
	if err != nil {
		return err
	}
	if w.size = st.size; size > st.size-off {
		return w.short(off, size)
	}
	return nil
}

func (w *Window) short(off, size int64) error {
	return fault(ErrTruncated, w.s.Path(), "file", "has %d bytes, a region ends at %d", w.size, off+size)
}

// remap maps the regions there are now, as far as the file has them.
func (w *Window) remap() error {
	s := w.s
	end, err := s.regionsEnd()
	if err != nil {
		return err
	}
	st, err := s.seg.stat()
	if err != nil {
		return err
	}
	w.size = st.size
	first, page := s.head.regionsStart, int64(s.head.pageSize)
	n := (min(end, st.size) - first) / page * page
	if n <= 0 {
		return nil
	}
	b, err := mapShared(s.seg, first, n, 0, false)
	if err != nil {
		return err
	}
	err = w.Close()
	w.m = &Mapping{b: b, page: page, access: s.access, path: s.Path()}
	return err
}

// Close unmaps the memory. A Window that was closed may be used again. It may be closed after its Segment.
func (w *Window) Close() error {
	if w.m == nil {
		return nil
	}
	err := w.m.Close()
	w.m = nil
	return err
}
