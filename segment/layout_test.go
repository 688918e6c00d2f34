package segment

import (
	"encoding/binary"
	"reflect"
	"testing"
)

// The numbers here are literals on purpose: they are what other programs rely on.
func TestEveryOffsetIsWhereTheLayoutSaysItIs(t *testing.T) {
	h := header{
		pageSize: 0x1111, nonce: 0x2222, generation: 0x3333, created: 0x4444, table: 0x5555, tableBytes: 0x6666,
		participants: 0x7777, participantCount: 0x8888, regionsStart: 0x9999, bellBytes: 0xaaaa, state: 0xbbbb, regionsEnd: 0xcccc,
	}
	seg, bell, lease := h.encode(), h.encodeBell(), h.encodeLease()
	for _, f := range []struct {
		file string
		b    []byte
		off  int
		want uint64
	}{
		{"seg page size", seg, 16, 0x1111},
		{"seg nonce", seg, 24, 0x2222},
		{"seg generation", seg, 32, 0x3333},
		{"seg created", seg, 40, 0x4444},
		{"seg table offset", seg, 48, 0x5555},
		{"seg table bytes", seg, 56, 0x6666},
		{"seg participants offset", seg, 64, 0x7777},
		{"seg participants", seg, 72, 0x8888},
		{"seg regions start", seg, 80, 0x9999},
		{"seg bell bytes", seg, 88, 0xaaaa},
		{"seg reserved", seg, 96, 0},
		{"seg state", seg, 128, 0xbbbb},
		{"seg regions end", seg, 192, 0xcccc},
		{"bell page size", bell, 16, 0x1111},
		{"bell nonce", bell, 24, 0x2222},
		{"bell bytes", bell, 32, 0xaaaa},
		{"bell of the table", bell, 64, 0},
		{"lease participants", lease, 16, 0x8888},
		{"lease nonce", lease, 24, 0x2222},
	} {
		if got := binary.NativeEndian.Uint64(f.b[f.off:]); got != f.want {
			t.Errorf("%s at %d is %#x, want %#x", f.file, f.off, got, f.want)
		}
	}
	for magic, b := range map[string][]byte{"shmbus\x00S": seg, "shmbus\x00B": bell, "shmbus\x00L": lease} {
		if string(b[:8]) != magic {
			t.Errorf("magic is %q, want %q", b[:8], magic)
		}
		if v := binary.NativeEndian.Uint32(b[8:]); v != 5 {
			t.Errorf("%q: version is %d", magic, v)
		}
		if v := binary.NativeEndian.Uint32(b[12:]); v != 0x01020304 {
			t.Errorf("%q: byte order mark is %#x", magic, v)
		}
	}
	for b, want := range map[*[]byte]int{&seg: 256, &bell: 128, &lease: 64} {
		if len(*b) != want {
			t.Errorf("a header has %d bytes, want %d", len(*b), want)
		}
	}
}

func TestSharedStructsHaveTheLayoutsOffsets(t *testing.T) {
	for _, f := range []struct {
		of   any
		name string
		want uintptr
	}{
		{sharedHeader{}, "state", 128},
		{sharedHeader{}, "regionsEnd", 192},
		{sharedParticipant{}, "generation", 0},
		{sharedParticipant{}, "pid", 8},
		{sharedParticipant{}, "start", 16},
		{sharedParticipant{}, "opened", 24},
	} {
		typ := reflect.TypeOf(f.of)
		field, ok := typ.FieldByName(f.name)
		if !ok || field.Offset != f.want {
			t.Errorf("%s.%s is at %d, want %d", typ.Name(), f.name, field.Offset, f.want)
		}
	}
	if n := reflect.TypeFor[sharedHeader]().Size(); n != 256 {
		t.Errorf("header has %d bytes, want 256", n)
	}
	if n := reflect.TypeFor[sharedParticipant]().Size(); n != 64 {
		t.Errorf("participant has %d bytes, want 64", n)
	}
	if offParticipantGen != 0 || offParticipantPID != 8 || offParticipantStart != 16 || offParticipantOpened != 24 ||
		offTableBell != 64 || tableBellBytes != 64 {
		t.Error("an offset differs from the picture")
	}
}

func TestOwnersAreSlotAndGeneration(t *testing.T) {
	if got := uint64(newOwner(0x1234, 0x56789abcdef0)); got != 0x56789abcdef01234 {
		t.Errorf("owner is %#x", got)
	}
	for _, o := range []struct {
		slot       int
		generation uint64
	}{{0, 1}, {65535, 1}, {7, maxGeneration}} {
		x := newOwner(o.slot, o.generation)
		if x == 0 || x.Slot() != o.slot || x.Generation() != o.generation {
			t.Errorf("%v is slot %d, generation %d, want %v", x, x.Slot(), x.Generation(), o)
		}
	}
	if s := Owner(0).String() + newOwner(3, 17).String(); s != "nobody3.17" {
		t.Errorf("String gives %q", s)
	}
}
