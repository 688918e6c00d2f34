package topics

import (
	"encoding/binary"
	"strings"
	"testing"

	"shmbus/internal/mem"
)

func TestGeometriesAreCompletedOrRefused(t *testing.T) {
	g, err := Geometry{}.Normal()
	if want := (Geometry{Slots: 8192, CellSize: 64, Publishers: 64, Subscriptions: 64}); err != nil || g != want {
		t.Errorf("the default is %+v, %v", g, err)
	}
	g, err = Geometry{Slots: 5, CellSize: 65, Publishers: 9, Exclusive: true}.Normal()
	if err != nil || g.Slots != 8 || g.CellSize != 128 || g.Publishers != 1 {
		t.Errorf("rounded up: %+v, %v", g, err)
	}
	if g, err = (Geometry{CellSize: 1}).Normal(); err != nil || g.CellSize != 64 {
		t.Errorf("a tiny cell: %+v, %v", g, err)
	}
	for _, g := range []Geometry{
		{Slots: 1},
		{Slots: -1},
		{Slots: MaxSlots + 1},
		{CellSize: -1},
		{CellSize: MaxCellSize + 1},
		{Publishers: -1},
		{Publishers: MaxLines + 1},
		{Subscriptions: -1},
		{Subscriptions: MaxLines + 1},
		{Policy: 2},
	} {
		if _, err := g.Normal(); err == nil {
			t.Errorf("%+v was accepted", g)
		}
		if err := Format(mem.Aligned(4096, 4096), g, testPage, 1); err == nil {
			t.Errorf("%+v was formatted", g)
		}
	}
	big := Geometry{Slots: MaxSlots, CellSize: MaxCellSize}
	if n := big.MaxFrame(); n != 1<<32-1 {
		t.Errorf("the largest frame of the largest ring has %d bytes", n)
	}
}

func TestAGeometrySurvivesFormatAndOpen(t *testing.T) {
	for _, g := range []Geometry{
		{Slots: 2, Publishers: 1, Subscriptions: 1},
		{Slots: 64, CellSize: 4096, Policy: PolicyLossless, NoTime: true, Publishers: 3, Subscriptions: 200},
		{Slots: 8, Exclusive: true},
	} {
		g, err := g.Normal()
		if err != nil {
			t.Fatal(err)
		}
		for _, page := range []int{4096, 65536} {
			region := mem.Aligned(int(g.Areas(page).Size), 4096)
			if err := Format(region, g, page, 99); err != nil {
				t.Fatal(err)
			}
			r, err := OpenRing(region)
			if err != nil || r.Geometry() != g || r.Areas() != g.Areas(page) || r.Made() != 99 {
				t.Fatalf("%+v: %v", g, err)
			}
			if err := Format(region[:len(region)-1], g, page, 1); err == nil {
				t.Fatal("a region too small was formatted")
			}
		}
	}
}

func TestABadControlAreaNamesTheField(t *testing.T) {
	g, err := Geometry{Slots: 8, Exclusive: true}.Normal()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		off   int
		value uint64
		field string
	}{
		{192, 0, "magic"},
		{200, 0, "slots"},
		{200, 3, "slots"},
		{200, 1, "slots"},
		{200, MaxSlots * 2, "slots"},
		{200, 1 << 63, "slots"},
		{208, 32, "cell"},
		{208, 96, "cell"},
		{208, 1 << 17, "cell"},
		{216, 8, "flags"},
		{216, 1 << 63, "flags"},
		{224, 0, "lines"},
		{224, 1, "lines"},
		{224, 1 << 32, "lines"},
		{224, 1<<32 | 5000, "lines"},
		{224, 64<<32 | 2, "lines"},
		{232, 0, "page"},
		{232, 512, "page"},
		{232, 5000, "page"},
		{232, 1 << 21, "page"},
		{200, 1024, "geometry"},
		{208, 4096, "geometry"},
	} {
		region := mem.Aligned(int(g.Areas(testPage).Size), testPage)
		if err := Format(region, g, testPage, 1); err != nil {
			t.Fatal(err)
		}
		binary.LittleEndian.PutUint64(region[c.off:], c.value)
		_, err := OpenRing(region)
		wantErr(t, err, ErrCorrupt)
		if !strings.Contains(err.Error(), c.field) {
			t.Errorf("offset %d = %#x: %q does not name the %s", c.off, c.value, err, c.field)
		}
	}
	_, _, err = ReadGeometry(make([]byte, 100), 100)
	wantErr(t, err, ErrCorrupt)
}

// TestAClaimKeepsARemovedTopicInUse: and so does a sole publisher from whom that was not taken, because its claim is not ordered against its
// look at the tombstone.
func TestAClaimKeepsARemovedTopicInUse(t *testing.T) {
	for _, exclusive := range []bool{false, true} {
		r := heapRing(t, Geometry{Slots: 4, Exclusive: exclusive})
		w := mustWriter(t, r, 1)
		mustClaim(t, w, 1)
		r.Remove()
		if r.Unused() {
			t.Fatal("unused beside an open claim")
		}
		w.Commit(1, KindRaw, 0)
		if sole := r.control.sole.Load(); sole != 0 || !r.Unused() {
			t.Fatalf("exclusive %v, no claim is open: unused %v, sole %#x", exclusive, r.Unused(), sole)
		}
		w.key = makeKey(w.id, 9)
		r.control.sole.Store(w.key)
		if r.Unused() {
			t.Fatal("unused beside a sole publisher")
		}
		wantErr(t, w.Claim(1), ErrRemoved)
		w.Close()
		if !r.Unused() {
			t.Fatal("in use after the publisher has closed")
		}
	}
}

func TestKindsAndPoliciesHaveNames(t *testing.T) {
	for want, s := range map[string]interface{ String() string }{
		"raw": KindRaw, "msgpack": KindMsgpack, "unknown": Kind(9), "overwrite": PolicyOverwrite, "lossless": PolicyLossless, "policy 7": Policy(7),
	} {
		if s.String() != want {
			t.Errorf("%q, want %q", s.String(), want)
		}
	}
}

// TestInfoShowsWhoIsThere: what people are shown of publishers and subscriptions.
func TestInfoShowsWhoIsThere(t *testing.T) {
	r := heapRing(t, Geometry{Slots: 8, Policy: PolicyLossless})
	w := mustWriter(t, r, 5)
	rd := mustReader(t, r, Lossy, Oldest(), 6)
	mustReader(t, r, Tap, Oldest(), 7)
	mustSend(t, w, "four")
	w.Blocked(30)
	w.Blocked(12)
	mustClaim(t, w, 130)
	want := WriterInfo{Owner: 5, Publisher: 1, Frames: 1, Bytes: 4, Blocked: 42, Open: true, Position: 1, Slots: 3}
	if ws := r.Writers(); len(ws) != 1 || ws[0] != want {
		t.Errorf("writers are %+v, want %+v", ws, want)
	}
	readAll(t, rd)
	rd.Idle()
	if gs := r.Gates(); len(gs) != 1 || gs[0] != (GateInfo{Owner: 6, Subscription: 1, Mode: Lossy, Position: 1, Received: 1}) {
		t.Errorf("gates are %+v", gs)
	}
	if rd.Lag() != 3 || rd.Line() != 0 {
		t.Errorf("lag %d on line %d, want 3 on line 0", rd.Lag(), rd.Line())
	}
	if f, b := r.Totals(); f != 1 || b != 4 {
		t.Errorf("totals are %d frames of %d bytes", f, b)
	}
}
