package segment

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

const testPage = 4096

// goodHeader is the header of a segment of 7 pages.
func goodHeader() *header {
	return &header{
		pageSize: testPage, nonce: 0xfeed, generation: 5, created: 5, table: testPage, tableBytes: 2 * testPage,
		participants: 3 * testPage, participantCount: 64, regionsStart: 4 * testPage, bellBytes: testPage, state: stateLive,
		regionsEnd: 7 * testPage,
	}
}

func TestEachBrokenFieldHasItsOwnError(t *testing.T) {
	for _, c := range []struct {
		field  string
		damage func(b []byte)
		want   error
	}{
		{"magic", func(b []byte) { b[7] = 'X' }, ErrNotSegment},
		{"layout version", func(b []byte) { order.PutUint32(b[offVersion:], 1) }, ErrVersion},
		{"byte order", func(b []byte) { order.PutUint32(b[offOrder:], 0x04030201) }, ErrByteOrder},
		{"byte order", func(b []byte) { order.PutUint32(b[offOrder:], 0x01020305) }, ErrCorrupt},
		{"page size", func(b []byte) { order.PutUint64(b[offPageSize:], 1<<52) }, ErrCorrupt},
		{"page size", func(b []byte) { order.PutUint64(b[offPageSize:], 12288) }, ErrCorrupt},
		{"page size", func(b []byte) { order.PutUint64(b[offPageSize:], 65536) }, ErrPageSize},
		{"nonce", func(b []byte) { order.PutUint64(b[offNonce:], 0) }, ErrCorrupt},
		{"table offset", func(b []byte) { order.PutUint64(b[offTable:], 0) }, ErrCorrupt},
		{"table offset", func(b []byte) { order.PutUint64(b[offTable:], testPage+8) }, ErrCorrupt},
		{"table bytes", func(b []byte) { order.PutUint64(b[offTableBytes:], 1<<62) }, ErrCorrupt},
		{"participants offset", func(b []byte) { order.PutUint64(b[offTableBytes:], 4*testPage) }, ErrCorrupt},
		{"participants offset", func(b []byte) { order.PutUint64(b[offParticipants:], math.MaxUint64&^(testPage-1)) }, ErrCorrupt},
		{"participants", func(b []byte) { order.PutUint64(b[offParticipantCount:], 0) }, ErrCorrupt},
		{"participants", func(b []byte) { order.PutUint64(b[offParticipantCount:], 65536) }, ErrCorrupt},
		{"regions start", func(b []byte) { order.PutUint64(b[offParticipantCount:], 65) }, ErrCorrupt},
		{"regions start", func(b []byte) { order.PutUint64(b[offRegionsStart:], 1<<40) }, ErrCorrupt},
		{"bell bytes", func(b []byte) { order.PutUint64(b[offBellBytes:], 1<<40) }, ErrCorrupt},
		{"regions end", func(b []byte) { order.PutUint64(b[offRegionsEnd:], 3*testPage) }, ErrCorrupt},
		{"regions end", func(b []byte) { order.PutUint64(b[offRegionsEnd:], 1<<63) }, ErrCorrupt},
		{"state", func(b []byte) { order.PutUint64(b[offState:], 0) }, ErrCorrupt},
		{"file", func(b []byte) { order.PutUint64(b[offRegionsEnd:], 8*testPage) }, ErrTruncated},
	} {
		b := goodHeader().encode()
		c.damage(b)
		_, err := parseHeader("/x/a.seg", b, 7*testPage, testPage)
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), "/x/a.seg: "+c.field+": ") {
			t.Errorf("%s: error is %v, want %v that names file and field", c.field, err, c.want)
		}
	}
	got, err := parseHeader("/x/a.seg", goodHeader().encode(), 7*testPage, testPage)
	if err != nil || got != *goodHeader() {
		t.Errorf("a good header reads as %+v, %v", got, err)
	}
}

// Whoever reads the error about the page size must be able to rely on the version, and so on: with everything broken the first
// check speaks, with the first mended the second.
func TestFieldsAreCheckedInOrder(t *testing.T) {
	good, b := goodHeader().encode(), make([]byte, headerBytes)
	for _, step := range []struct {
		want     error
		from, to int // mended afterwards
	}{
		{ErrNotSegment, offMagic, 8},
		{ErrVersion, offVersion, offOrder},
		{ErrCorrupt, offOrder, offPageSize},
		{ErrCorrupt, offPageSize, offNonce},
		{ErrCorrupt, offNonce, offState},
		{ErrCorrupt, offState, offRegionsEnd},
	} {
		if _, err := parseHeader("a.seg", b, 0, testPage); !errors.Is(err, step.want) {
			t.Errorf("error is %v, want %v", err, step.want)
		}
		copy(b[step.from:step.to], good[step.from:step.to])
	}
}

// checkParsed says what must hold of any header that was taken for good.
func checkParsed(t *testing.T, h header, size int64) {
	t.Helper()
	for _, v := range []int64{h.table, h.tableBytes, h.participants, h.regionsStart, h.bellBytes, h.regionsEnd} {
		if v < testPage || v%testPage != 0 {
			t.Fatalf("%+v: %d is no page aligned size", h, v)
		}
	}
	if h.table+h.tableBytes > h.participants || h.participants+h.participantCount*participantBytes > h.regionsStart ||
		h.regionsStart > h.regionsEnd || h.regionsEnd > size {
		t.Fatalf("%+v does not fit into %d bytes", h, size)
	}
}

func TestRandomHeadersGiveAnErrorOrFitIntoTheFile(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	interesting := []uint64{0, 1, 63, 64, testPage - 1, testPage, 3 * testPage, 1 << 30, 1 << 31, 1 << 32, 1<<63 - 4096, 1 << 63, math.MaxUint64}
	good := 0
	for range 40_000 {
		b := goodHeader().encode()
		for range 1 + rnd.IntN(3) {
			if off := rnd.IntN(headerBytes/8) * 8; rnd.IntN(2) == 0 {
				order.PutUint64(b[off:], interesting[rnd.IntN(len(interesting))])
			} else {
				b[off+rnd.IntN(8)] ^= 1 << rnd.IntN(8)
			}
		}
		size := int64(7 * testPage)
		if rnd.IntN(4) == 0 {
			size = rnd.Int64N(8 * testPage)
		}
		if h, err := parseHeader("a.seg", b[:min(int64(len(b)), size)], size, testPage); err == nil {
			good++
			checkParsed(t, h, size)
		}
	}
	if good == 0 {
		t.Error("no header was good: the test is too wild")
	}
}

func FuzzParseHeader(f *testing.F) {
	f.Add(goodHeader().encode(), int64(7*testPage))
	f.Add([]byte{}, int64(0))
	f.Fuzz(func(t *testing.T, b []byte, size int64) {
		b = b[:min(len(b), headerBytes)]
		if h, err := parseHeader("a.seg", b, size, testPage); err == nil {
			checkParsed(t, h, size)
		}
		goodHeader().checkBell("a.bell", b[:min(len(b), bellHeaderBytes)], size)
		goodHeader().checkLease("a.lease", b[:min(len(b), leaseHeaderBytes)])
	})
}
