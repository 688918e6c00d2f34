package segment

// Grow appends a region of size bytes, rounded up to whole pages, to the segment, and returns its offset. The caller holds the
// lock of the topic table (LockTable). The region's memory is reserved, and fill, unless it is nil, is given it to write to, all zeros, before anybody is told of the region; the bytes
// are fill's until it returns. If there is no room the error is an ErrNoSpace, if the region cannot be mapped for fill that of the
// system, or it is fill's own: then the file is as long as it was.
func (s *Segment) Grow(size int64, fill func(region []byte) error) (off int64, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.writable("grow"); err != nil {
		return 0, err
	}
	if size <= 0 {
		return 0, fault(ErrRange, s.Path(), "region", "is to have %d bytes", size)
	}
	page := int64(s.head.pageSize)
	end, err := s.regionsEnd()
	if err != nil {
		return 0, err
	}
	if size > maxFileBytes-page-end {
		return 0, fault(ErrRange, s.Path(), "region", "of %d bytes is more than a file can have", size)
	}
	size = roundUp(size, page)
	st, err := s.seg.stat()
	if err != nil {
		return 0, err
	}
	if st.size < end {
		return 0, fault(ErrTruncated, s.Path(), "file", "has %d bytes, the header says %d", st.size, end)
	}
	// A process that ended in the middle of Grow has left reserved bytes behind the last region. Nobody was told of them.
	if err := s.seg.punch(end, st.size-end); err != nil {
		return 0, err
	}
	if err := s.seg.reserve(end, size); err != nil {
		return 0, err
	}
	point("reserved")
	if err := s.fill(end, size, fill); err != nil {
		s.seg.giveBack(end, st.size)
		return 0, err
	}
	return end, Guard(func() error { s.shared.regionsEnd.Store(uint64(end + size)); return nil })
}

// fill lets f write to a range that has just been reserved.
func (s *Segment) fill(off, size int64, f func(region []byte) error) error {
	if f == nil {
		return nil
	}
	b, err := mapShared(s.seg, off, size, size, true)
	if err != nil {
		return err
	}
	defer unmap(b)
	return Guard(func() error { return f(b) })
}

// regionsEnd is the end of the last region, checked.
func (s *Segment) regionsEnd() (int64, error) {
	var v uint64
	if err := Guard(func() error { v = s.shared.regionsEnd.Load(); return nil }); err != nil {
		return 0, err
	}
	if v < uint64(s.head.regionsStart) || v > maxFileBytes || v%s.head.pageSize != 0 {
		return 0, fault(ErrCorrupt, s.Path(), "regions end", "is %d, regions start at %d", v, s.head.regionsStart)
	}
	return int64(v), nil
}

// region checks that a range is page aligned and wholly within the regions that have been handed out.
func (s *Segment) region(off, size int64) error {
	end, err := s.regionsEnd()
	if err != nil {
		return err
	}
	page := int64(s.head.pageSize)
	switch {
	case off%page != 0 || size%page != 0:
		return fault(ErrRange, s.Path(), "region", "%d bytes at %d are not whole pages of %d bytes", size, off, page)
	case size <= 0 || off < s.head.regionsStart || off > end || size > end-off:
		return fault(ErrRange, s.Path(), "region", "%d bytes at %d are not within regions %d to %d", size, off,
			s.head.regionsStart, end)
	}
	return nil
}

// Map maps a region or a part of one: the first `writable` bytes for writing, the rest for reading only. All three arguments are in
// bytes, and multiples of the page size. All pages are brought in, so that no access waits for one. The range must lie within
// regions that were appended by Grow, and within the file as long as it is now.
func (s *Segment) Map(off, size, writable int64) (*Mapping, error) {
	return s.mapRegion(off, size, writable, true)
}

// MapLazy maps a range as Map does, but brings no page in: it is for a short look at a few of many.
func (s *Segment) MapLazy(off, size, writable int64) (*Mapping, error) {
	return s.mapRegion(off, size, writable, false)
}

func (s *Segment) mapRegion(off, size, writable int64, eager bool) (*Mapping, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, s.errClosed()
	}
	if writable != 0 && s.access != ReadWrite {
		return nil, s.errReadOnly("map it for writing")
	}
	if err := s.region(off, size); err != nil {
		return nil, err
	}
	if writable < 0 || writable > size || writable%int64(s.head.pageSize) != 0 {
		return nil, fault(ErrRange, s.Path(), "region", "%d writable bytes of %d", writable, size)
	}
	st, err := s.seg.stat()
	if err != nil {
		return nil, err
	}
	if size > st.size-off {
		return nil, fault(ErrTruncated, s.Path(), "file", "has %d bytes, a region ends at %d", st.size, off+size)
	}
	b, err := mapShared(s.seg, off, size, writable, eager)
	if err != nil {
		return nil, err
	}
	return &Mapping{b: b, page: int64(s.head.pageSize), access: s.access, path: s.Path()}, nil
}

// Punch gives the memory of a range of regions back to the system; the range reads as zeros from then on. Whoever has it mapped
// gets new memory on the next access, or a memory fault if there is none left. The file stays as long as it is.
func (s *Segment) Punch(off, size int64) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.writable("punch"); err != nil {
		return err
	}
	if err := s.region(off, size); err != nil {
		return err
	}
	return s.seg.punch(off, size)
}
