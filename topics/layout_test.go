package topics

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"shmbus/internal/mem"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestAreasLieOnPagesOfTheirOwn: no area shares a page with another, whatever the geometry and the page size.
func TestAreasLieOnPagesOfTheirOwn(t *testing.T) {
	for _, page := range []int{4096, 16384, 65536} {
		for _, g := range []Geometry{
			{},
			{Slots: 2, CellSize: 64, Publishers: 1, Subscriptions: 1},
			{Slots: 3, CellSize: 65, Publishers: 65, Subscriptions: 63},
			{Slots: 1 << 12, CellSize: 64 << 10, Publishers: MaxLines, Subscriptions: MaxLines},
		} {
			g, err := g.Normal()
			if err != nil {
				t.Fatal(err)
			}
			a := g.Areas(page)
			offsets := []int64{0, a.Writers, a.Gates, a.Stamps, a.Cells, a.Size}
			needs := []int{256, g.Publishers * 64, g.Subscriptions * 64, g.Slots * 64, g.Slots * g.CellSize}
			for i, n := range needs {
				room := offsets[i+1] - offsets[i]
				if offsets[i]%int64(page) != 0 || room < int64(n) || room >= int64(n+page) && i > 0 {
					t.Errorf("%+v, page %d: area %d needs %d bytes, has %d from %d on", g, page, i, n, room, offsets[i])
				}
			}
			if a.Size%int64(page) != 0 {
				t.Errorf("%+v, page %d: the size %d is no multiple", g, page, a.Size)
			}
		}
	}
}

func TestConstantsOfTheLayout(t *testing.T) {
	for _, c := range []struct {
		name      string
		got, want uint64
	}{
		{"line", lineSize, 64},
		{"magic", magicRing, 0x31474e4952626d73},
		{"lossless", flagLossless, 1},
		{"exclusive", flagExclusive, 2},
		{"no time", flagNoTime, 4},
		{"position mask", positionMask, 0xfffffffffffff},
		{"tombstone", tombstone, 0xfffffffffffff},
		{"count", countOne, 0x10000000000000},
		{"committed", committed, 1},
		{"aborted", aborted, 2},
		{"gate", kindGate, 1},
		{"lossy", kindLossy, 2},
		{"group", kindGroup, 3},
		{"entries", TableEntries, 1024},
		{"entry", entrySize, 320},
		{"table", TableBytes, 327680},
		{"bells", BellBytes, 262144},
		{"longest name", MaxName, 200},
	} {
		if c.got != c.want {
			t.Errorf("%s is %#x, the layout says %#x", c.name, c.got, c.want)
		}
	}
	if s := mem.Aligned(64, 64); binary.LittleEndian.Uint64([]byte("smbRING1")) != magicRing || len(s) != 64 {
		t.Error("the magic does not read smbRING1")
	}
}

// names of the words of each area, for the dump.
var (
	controlWords = map[int]string{
		0: "control.tail", 64: "control.head", 72: "control.turn", 80: "control.sole", 128: "control.publishers", 136: "control.subscriptions",
		192: "control.magic", 200: "control.slots", 208: "control.cell", 216: "control.flags", 224: "control.lines", 232: "control.page",
		240: "control.made", 248: "control.spare",
	}
	writerWords = []string{"owner", "claim", "length", "last", "frames", "publisher", "bytes", "blocked"}
	gateWords   = []string{"owner", "state", "subscription", "received", "lost", "pin", "group", "attempts"}
	slotWords   = []string{"stamp", "publisher", "sequence", "number", "time", "meta", "", ""}
)

// dump is every word of a region that is not zero, with its name.
func dump(region []byte, a Areas, shift uint) string {
	var b strings.Builder
	for off := 0; off < len(region); off += 8 {
		w := region[off:][:8]
		if bytes.Equal(w, make([]byte, 8)) {
			continue
		}
		at := int64(off)
		var name string
		switch {
		case at < a.Writers:
			name = controlWords[off]
		case at < a.Gates:
			name = fmt.Sprintf("writer %d.%s", (at-a.Writers)/64, writerWords[at%64/8])
		case at < a.Stamps:
			name = fmt.Sprintf("gate %d.%s", (at-a.Gates)/64, gateWords[at%64/8])
		case at < a.Cells:
			name = fmt.Sprintf("slot %d.%s", (at-a.Stamps)/64, slotWords[at%64/8])
		default:
			name = fmt.Sprintf("cell %d+%d", (at-a.Cells)>>shift, (at-a.Cells)&(1<<shift-1))
		}
		fmt.Fprintf(&b, "%05x  % x  %s\n", off, w, name)
	}
	return b.String()
}

// TestTheBytesOfARegion compares a region with one committed frame, one pad and two readers with its golden dump.
func TestTheBytesOfARegion(t *testing.T) {
	if !littleEndian() {
		t.Skip("the golden dump is of a little-endian machine")
	}
	g, err := Geometry{Slots: 4, CellSize: 64, Policy: PolicyLossless, Publishers: 2, Subscriptions: 2}.Normal()
	if err != nil {
		t.Fatal(err)
	}
	region := mem.Aligned(int(g.Areas(testPage).Size), testPage)
	if err := Format(region, g, testPage, 0x0102030405060708); err != nil {
		t.Fatal(err)
	}
	r, err := OpenRing(region)
	if err != nil {
		t.Fatal(err)
	}
	w := mustWriter(t, r, 0x1111)
	mustReader(t, r, Lossy, Oldest(), 0x2222)
	gate := mustReader(t, r, Gate, Oldest(), 0x3333)
	mustClaim(t, w, 70)
	copy(w.Payload(70), "The quick brown fox jumps over the lazy dog, and then it jumps again.\n")
	w.Commit(70, KindMsgpack, 0x7766554433221100)
	mustSend(t, w, "third")
	wantNext(t, gate, "The quick brown fox jumps over the lazy dog, and then it jumps again.\n")
	mustClaim(t, w, 100) // pads the last slot, goes on in the first
	w.stampPad(w.pos, w.pad)
	w.Blocked(1000)
	w.TakeTurn()

	const file = "testdata/region.hex"
	got := "# words of a region that are not zero: offset, bytes, name\n" + dump(region, r.Areas(), r.shift)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the bytes have changed; if the layout was meant to, raise its version and run with -update. Got:\n%s\nwant:\n%s", got, want)
	}
}

func littleEndian() bool {
	b := mem.Aligned(8, 8)
	w, err := mem.View[mem.Plain](b, 0, 1)
	if err != nil {
		return false
	}
	w[0].Set(1)
	return b[0] == 1
}
