package objcode

import "strings"

// A Class says what an instruction means to the order of memory accesses.
type Class uint8

const (
	Plain             Class = iota // anything else
	StoreRelease                   // STLR
	LoadAcquire                    // LDAR
	ExclusiveLoad                  // LDAXR: acquire
	ExclusiveStore                 // STLXR: release
	AcquireReleaseCAS              // CASAL
	AcquireReleaseRMW              // LDADDAL, SWPAL and their like
	WeakerAtomic                   // an atomic or exclusive access that orders less than its like above
	Call                           // BL, BLR
	Return                         // RET
)

// An Inst is one instruction.
type Inst struct {
	Source string // file.go:line
	Word   uint32
	Class  Class
	Callee string // of a Call, if it is known
}

// classes tells instructions apart by their bits. The size, in bits 31 and 30, is not looked at. The first match counts.
var classes = []struct {
	mask, value uint32
	class       Class
}{
	{0x3ffffc00, 0x089ffc00, StoreRelease},
	{0x3ffffc00, 0x08dffc00, LoadAcquire},
	{0x3ffffc00, 0x085ffc00, ExclusiveLoad},
	{0x3fe0fc00, 0x0800fc00, ExclusiveStore},
	{0x3fe0fc00, 0x08e0fc00, AcquireReleaseCAS},
	{0x3f000000, 0x08000000, WeakerAtomic}, // the rest of the exclusive and ordered ones, pairs too
	{0x3fe00c00, 0x38e00000, AcquireReleaseRMW},
	{0x3f200c00, 0x38200000, WeakerAtomic}, // the rest of the atomic memory operations, LDAPR too
	{0xfc000000, 0x94000000, Call},
	{0xfffffc1f, 0xd63f0000, Call},
	{0xfffffc1f, 0xd65f0000, Return},
}

func classOf(word uint32) Class {
	for _, c := range classes {
		if word&c.mask == c.value {
			return c.class
		}
	}
	return Plain
}

// offset sign-extends the low bits of v.
func offset(v uint32, bits uint) int { return int(int32(v<<(32-bits)) >> (32 - bits)) }

// next says where a function goes on after its i-th instruction: instructions counted from the function's start. Calls return, unless
// to what panics. A jump through a register is not known here: the compiler makes jump tables of large switches.
func (f *Func) next(i int) []int {
	in := f.Insts[i]
	w := in.Word
	switch {
	case in.Class == Return, w == 0:
		return nil
	case in.Class == Call && strings.HasPrefix(in.Callee, "runtime.panic"):
		return nil
	case w&0xfc000000 == 0x14000000: // B
		return []int{i + offset(w, 26)}
	case w&0xff000010 == 0x54000000: // B.cond
		return []int{i + 1, i + offset(w>>5, 19)}
	case w&0x7e000000 == 0x34000000: // CBZ, CBNZ
		return []int{i + 1, i + offset(w>>5, 19)}
	case w&0x7e000000 == 0x36000000: // TBZ, TBNZ
		return []int{i + 1, i + offset(w>>5, 14)}
	}
	return []int{i + 1}
}

// register is the operand of an access: the register that holds the address.
func (in Inst) register() uint32 { return in.Word >> 5 & 31 }

// At says whether the i-th instruction, one with a register for an address, is preceded by the addition of off to that register: how the
// compiler reaches a field of a struct with instructions that take no offset. A few others may stand between the two.
func (f *Func) At(i int, off uint32) bool {
	r := f.Insts[i].register()
	for j := i - 1; j >= max(0, i-8) && len(f.next(j)) == 1 && f.next(j)[0] == j+1; j-- {
		if w := f.Insts[j].Word; w&31 == r && f.Insts[j].Class == Plain {
			return w&0xffc00000 == 0x91000000 && w>>10&0xfff == off
		}
	}
	return false
}
