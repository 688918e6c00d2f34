package segment

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"shmbus/internal/mem"
)

// A header is the immutable part of NAME.seg's first page, checked, and the two atomic words as they were when it was read.
// Create writes it once, before the file has its name; everybody reads it once, at Open, and never again.
type header struct {
	pageSize, nonce, generation, created uint64
	table, tableBytes                    int64
	participants, participantCount       int64
	regionsStart, bellBytes              int64
	ephemeral                            bool
	state                                uint64
	regionsEnd                           int64
}

// sharedHeader is the first page as mapped memory. Only the atomic words are used through it.
//
// state is stored by Remove and MarkDead (live to dead, never back) and loaded by everybody; it pairs with nothing: whoever finds
// it dead stops using the segment at its leisure.
//
// regionsEnd is stored by Grow, under the lock of the topic table, after the range it adds has been reserved; it is loaded by Grow
// and by Map. A reader that has learned of a region from the topic table finds it stored.
type sharedHeader struct {
	_          [offState / 8]mem.Plain
	state      mem.Word
	_          [(offRegionsEnd - offState - 8) / 8]mem.Plain
	regionsEnd mem.Word
	_          [(headerBytes - offRegionsEnd - 8) / 8]mem.Plain
}

var order = binary.NativeEndian

// putCommon writes what all three files begin with.
func putCommon(b []byte, magic string, nonce uint64) {
	copy(b[offMagic:], magic)
	order.PutUint32(b[offVersion:], Version)
	order.PutUint32(b[offOrder:], orderMark)
	order.PutUint64(b[offNonce:], nonce)
}

// encode is the header as it stands in the file.
func (h *header) encode() []byte {
	b := make([]byte, headerBytes)
	putCommon(b, magicSegment, h.nonce)
	if h.ephemeral {
		order.PutUint64(b[offFlags:], flagEphemeral)
	}
	for off, v := range map[int]uint64{
		offPageSize: h.pageSize, offGeneration: h.generation, offCreated: h.created,
		offTable: uint64(h.table), offTableBytes: uint64(h.tableBytes),
		offParticipants: uint64(h.participants), offParticipantCount: uint64(h.participantCount),
		offRegionsStart: uint64(h.regionsStart), offBellBytes: uint64(h.bellBytes),
		offState: h.state, offRegionsEnd: uint64(h.regionsEnd),
	} {
		order.PutUint64(b[off:], v)
	}
	return b
}

// encodeBell is the header of the bell file.
func (h *header) encodeBell() []byte {
	b := make([]byte, bellHeaderBytes)
	putCommon(b, magicBell, h.nonce)
	order.PutUint64(b[offBellFilePage:], h.pageSize)
	order.PutUint64(b[offBellFileBytes:], uint64(h.bellBytes))
	return b
}

// encodeLease is the header of the lease file.
func (h *header) encodeLease() []byte {
	b := make([]byte, leaseHeaderBytes)
	putCommon(b, magicLease, h.nonce)
	order.PutUint64(b[offLeaseParticipants:], uint64(h.participantCount))
	return b
}

// parseCommon checks magic, layout version and byte order. b is what was read of the file's first `want` bytes.
func parseCommon(path string, b []byte, magic string, want int) error {
	if n := min(len(b), len(magic)); string(b[:n]) != magic[:n] {
		return fault(ErrNotSegment, path, "magic", "is %q, want %q", b[:min(len(b), len(magic))], magic)
	}
	if len(b) < want {
		return fault(ErrTruncated, path, "header", "has %d bytes of %d", len(b), want)
	}
	if v := order.Uint32(b[offVersion:]); v != Version {
		return fault(ErrVersion, path, "layout version", "is %d, this program knows %d", v, Version)
	}
	switch v := order.Uint32(b[offOrder:]); v {
	case orderMark:
		return nil
	case bits.ReverseBytes32(orderMark):
		return fault(ErrByteOrder, path, "byte order", "mark is %#x, want %#x", v, orderMark)
	default:
		return fault(ErrCorrupt, path, "byte order", "mark is %#x, which no machine stores", v)
	}
}

// checkPage checks a page size against the one that is wanted, that of whom.
func checkPage(path string, v, want uint64, whom string) error {
	switch {
	case v == want:
		return nil
	case v < minPage || v > maxPage || v&(v-1) != 0:
		return fault(ErrCorrupt, path, "page size", "is %d, which no machine has", v)
	}
	return fault(ErrPageSize, path, "page size", "is %d, %s has %d", v, whom, want)
}

// parseHeader checks the first bytes of a segment file. size is the file's size and page that of this machine. Nothing it returns
// can lead out of the file. That the segment is dead is left to the caller, who may want to know what is dead.
func parseHeader(path string, b []byte, size, page int64) (h header, err error) {
	if err := parseCommon(path, b, magicSegment, headerBytes); err != nil {
		return h, err
	}
	word := func(off int) uint64 { return order.Uint64(b[off:]) }
	h.pageSize, h.nonce = word(offPageSize), word(offNonce)
	h.generation, h.created, h.state = word(offGeneration), word(offCreated), word(offState)
	if err := checkPage(path, h.pageSize, uint64(page), "this machine"); err != nil {
		return h, err
	}
	if h.nonce == 0 {
		return h, fault(ErrCorrupt, path, "nonce", "is 0")
	}
	// Every size and offset is at most its limit, so that sums do not overflow.
	for _, f := range []struct {
		to      *int64
		off     int
		name    string
		lo, hi  int64
		aligned bool
	}{
		{&h.table, offTable, "table offset", page, maxHeadBytes, true},
		{&h.tableBytes, offTableBytes, "table bytes", page, maxTableBytes, true},
		{&h.participants, offParticipants, "participants offset", page, maxHeadBytes, true},
		{&h.participantCount, offParticipantCount, "participants", 1, maxParticipants, false},
		{&h.regionsStart, offRegionsStart, "regions start", page, maxHeadBytes, true},
		{&h.bellBytes, offBellBytes, "bell bytes", page, maxBellBytes, true},
		{&h.regionsEnd, offRegionsEnd, "regions end", page, maxFileBytes, true},
	} {
		v := word(f.off)
		if v < uint64(f.lo) || v > uint64(f.hi) {
			return h, fault(ErrCorrupt, path, f.name, "is %d, must be %d to %d", v, f.lo, f.hi)
		}
		if f.aligned && v%uint64(page) != 0 {
			return h, fault(ErrCorrupt, path, f.name, "is %d, not a multiple of the page size", v)
		}
		*f.to = int64(v)
	}
	flags := word(offFlags)
	h.ephemeral = flags&flagEphemeral != 0
	switch end := h.participants + h.participantCount*participantBytes; {
	case flags > flagEphemeral:
		return h, fault(ErrCorrupt, path, "flags", "are %#x, this layout knows %#x", flags, flagEphemeral)
	case h.participants < h.table+h.tableBytes:
		return h, fault(ErrCorrupt, path, "participants offset", "is %d, within the topic table", h.participants)
	case h.regionsStart < end:
		return h, fault(ErrCorrupt, path, "regions start", "is %d, within the participant table", h.regionsStart)
	case h.regionsEnd < h.regionsStart:
		return h, fault(ErrCorrupt, path, "regions end", "is %d, before their start at %d", h.regionsEnd, h.regionsStart)
	case h.state != stateLive && h.state != stateDead:
		return h, fault(ErrCorrupt, path, "state", "is %d, neither live nor dead", h.state)
	case size < h.regionsEnd:
		return h, fault(ErrTruncated, path, "file", "has %d bytes, the header says %d", size, h.regionsEnd)
	}
	return h, nil
}

// errForeign: a bell or lease file has another nonce than its NAME.seg. As long as no more is known, one of them was overwritten.
type errForeign struct {
	path        string
	nonce, want uint64
}

func (e errForeign) what() string {
	return fmt.Sprintf("nonce: is %#x, that of its %s is %#x: not files of one segment", e.nonce, extSegment, e.want)
}

func (e errForeign) Error() string {
	return fmt.Sprintf("segment %s: %s: %v", e.path, e.what(), ErrCorrupt)
}
func (e errForeign) Unwrap() error { return ErrCorrupt }

func (h *header) checkNonce(path string, b []byte) error {
	if v := order.Uint64(b[offNonce:]); v != h.nonce {
		return errForeign{path, v, h.nonce}
	}
	return nil
}

// checkBell checks the bell file against the segment's header.
func (h *header) checkBell(path string, b []byte, size int64) error {
	if err := parseCommon(path, b, magicBell, bellHeaderBytes); err != nil {
		return err
	}
	if err := checkPage(path, order.Uint64(b[offBellFilePage:]), h.pageSize, "the segment"); err != nil {
		return err
	}
	if err := h.checkNonce(path, b); err != nil {
		return err
	}
	if v := order.Uint64(b[offBellFileBytes:]); v != uint64(h.bellBytes) {
		return fault(ErrCorrupt, path, "bell bytes", "is %d, the segment's header says %d", v, h.bellBytes)
	}
	if want := int64(h.pageSize) + h.bellBytes; size < want {
		return fault(ErrTruncated, path, "file", "has %d bytes, the header says %d", size, want)
	}
	return nil
}

// checkLease checks the lease file against the segment's header.
func (h *header) checkLease(path string, b []byte) error {
	if err := parseCommon(path, b, magicLease, leaseHeaderBytes); err != nil {
		return err
	}
	if err := h.checkNonce(path, b); err != nil {
		return err
	}
	if v := order.Uint64(b[offLeaseParticipants:]); v != uint64(h.participantCount) {
		return fault(ErrCorrupt, path, "participants", "is %d, the segment's header says %d", v, h.participantCount)
	}
	return nil
}
