package segment

// A Window is one mapping of all regions of a segment, for reading, of which nothing is brought in. It is for those who look at a few pages
// of many regions, again and again: once it is there a look costs no system call. It is renewed when the segment has grown. Where not all of them
// can be mapped, because the process may not have so many addresses (ulimit -v), it is of one region at a time. Its methods must not be called
// concurrently.
type Window struct {
	s     *Segment
	m     *Mapping // nil: there is none yet
	first int64    // offset in the file of what is mapped
	size  int64    // of the file, when it was looked at last
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
	if !w.covers(off, size) && w.remapAll() != nil {
		if err := w.remap(off, off+size); err != nil {
			return nil, err
		}
	}
	if !w.covers(off, size) { // it was cut short in this moment
		return nil, w.short(off, size)
	}
	return w.bytes()[off-w.first:][:size:size], nil
}

// covers says whether a range is mapped.
func (w *Window) covers(off, size int64) bool {
	return off >= w.first && off+size-w.first <= int64(len(w.bytes()))
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

// remapAll maps the regions there are now, as far as the file has them.
func (w *Window) remapAll() error {
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
	return w.remap(s.head.regionsStart, min(end, st.size))
}

// remap maps a range, in whole pages, in the place of what was mapped before.
func (w *Window) remap(first, end int64) error {
	s, page := w.s, int64(w.s.head.pageSize)
	n := (end - first) / page * page
	if n <= 0 {
		return nil
	}
	if err := w.Close(); err != nil { // first: it takes addresses
		return err
	}
	b, err := mapShared(s.seg, first, n, 0, false)
	if err != nil {
		return err
	}
	w.first = first
	w.m = &Mapping{b: b, page: page, access: s.access, path: s.Path()}
	return nil
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
