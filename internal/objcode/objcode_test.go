package objcode

import (
	"strings"
	"testing"
)

// A copy, a fence and a check, as objdump prints them.
const sample = `TEXT p.whole(SB) p.go
  p.go:1		0x0	b4000060	CBZ R0, 3(PC)
  p.go:2		0x4	94000000	CALL 0(PC)	[0:4]R_CALLARM64:runtime.memmove<1>
  p.go:3		0x8	9100e007	ADD $56, R0, R7
  p.go:3		0xc	c89ffcff	STLR ZR, (R7)
  p.go:4		0x10	910100e7	ADD $64, R7, R7
  p.go:4		0x14	c8dffce7	LDAR (R7), R7
  p.go:5		0x18	54000040	BEQ 2(PC)
  p.go:6		0x1c	94000000	CALL 0(PC)	[0:4]R_CALLARM64:runtime.panicBounds
  p.go:7		0x20	d65f03c0	RET
`

func one(t *testing.T, dump string) *Func {
	t.Helper()
	all, err := parse(dump)
	if err != nil {
		t.Fatal(err)
	}
	return all["p.whole"]
}

var (
	fence = Is(StoreRelease)
	head  = IsAt(LoadAcquire, 64)
	moved = Calls("runtime.memmove")
)

func TestAPathThatPassesTheFenceIsFine(t *testing.T) {
	f := one(t, sample)
	for _, err := range []error{f.Between(moved, fence, head), f.Between(moved, head, Is(Return))} {
		if err != nil {
			t.Error(err)
		}
	}
	if n := f.Count(Is(Call)); n != 2 {
		t.Errorf("%d calls", n)
	}
}

func TestWhatIsMissingIsFound(t *testing.T) {
	for _, c := range []struct{ name, old, new string }{
		{"no fence", "c89ffcff", "f90000ff"},
		{"the fence can be jumped over", "9100e007", "54000040"},
		{"another field", "910100e7", "910120e7"},
		{"a load that is no acquire", "c8dffce7", "f94000e7"},
		{"no copy", "memmove", "memclr"},
	} {
		if !strings.Contains(sample, c.old) {
			t.Fatal(c.name)
		}
		if err := one(t, strings.Replace(sample, c.old, c.new, 1)).Between(moved, fence, head); err == nil {
			t.Errorf("%s: nothing found", c.name)
		}
	}
	if err := one(t, sample).Between(nil, fence, Is(LoadAcquire)); err != nil {
		t.Error(err) // the jump at the start leads to the store
	}
	if err := one(t, sample).Between(nil, moved, fence); err == nil {
		t.Error("the jump past the copy is not seen")
	}
}

func TestInstructionsAreToldApart(t *testing.T) {
	for word, want := range map[uint32]Class{
		0xc89ffcff: StoreRelease,
		0x889ffc01: StoreRelease, // 32 bits
		0xc8dffce7: LoadAcquire,
		0xc85ffc7b: ExclusiveLoad,
		0xc81bfc62: ExclusiveStore,
		0xc8fbfc62: AcquireReleaseCAS,
		0xf8e30041: AcquireReleaseRMW, // LDADDAL
		0xc85f7c7b: WeakerAtomic,      // LDXR
		0xc81b7c62: WeakerAtomic,      // STXR
		0xc8fb7c62: WeakerAtomic,      // CASA
		0xc8bbfc62: WeakerAtomic,      // CASL
		0xf8230041: WeakerAtomic,      // LDADD
		0xf8a30041: WeakerAtomic,      // LDADDA
		0xf8bfc041: WeakerAtomic,      // LDAPR
		0xf94000e7: Plain,             // LDR
		0xf8627861: Plain,             // LDR, register offset
		0xf9000001: Plain,             // STR
		0xd5033bbf: Plain,             // DMB ISH
		0x94000000: Call,
		0xd63f0020: Call, // BLR
		0xd65f03c0: Return,
	} {
		if got := classOf(word); got != want {
			t.Errorf("%08x is of class %d, want %d", word, got, want)
		}
	}
}
