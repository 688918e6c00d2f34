//go:build amd64 && !race && !shmbus_sched

package mem

import "unsafe"

// CopyLine copies Line bytes, the first and the last 16 word by word, for the reason that Copy32 has. It and those for less are no calls, and call nothing: who calls has to
// keep what is at hand, and that costs more than the copying.
func CopyLine(dst *byte, src []byte) {
	d, s := (*line)(unsafe.Pointer(dst)), (*line)(unsafe.Pointer(unsafe.SliceData(src)))
	d.first, d.second = s.first, s.second
	d.third = s.third
	d.fifth = s.fifth
	d.seventh, d.last = s.seventh, s.last
}

type line struct {
	first, second uint64
	third, fifth  quad
	seventh, last uint64
}

// Copy64 copies 33 to 64 bytes.
func Copy64(dst *byte, src []byte) {
	d, s := (*quads)(unsafe.Pointer(dst)), (*quads)(unsafe.Pointer(unsafe.SliceData(src)))
	d.first = s.first
	d.second = s.second
	n := len(src) - 32
	d, s = (*quads)(unsafe.Add(unsafe.Pointer(d), n)), (*quads)(unsafe.Add(unsafe.Pointer(s), n))
	d.first = s.first
	d.second = s.second
}

// CopyFresh64 is Copy64 for who waits for the bytes to arrive: the first and the last 16 go word by word, for the reason that Copy32 has. It
// takes two moves more.
func CopyFresh64(dst *byte, src []byte) {
	d, s, n := unsafe.Pointer(dst), unsafe.Pointer(unsafe.SliceData(src)), len(src)
	copyEnds(d, s, 16)
	*(*quad)(unsafe.Add(d, 16)) = *(*quad)(unsafe.Add(s, 16))
	*(*quad)(unsafe.Add(d, n-32)) = *(*quad)(unsafe.Add(s, n-32))
	copyEnds(unsafe.Add(d, n-16), unsafe.Add(s, n-16), 16)
}

// shortOnes says whether fillShort is for frames of n bytes.
func shortOnes(n int) bool { return uint(n)-33 <= 64-33 }

// fillShort is Fill for 33 to 64 bytes, with what is the same for all worked out once.
func fillShort(at unsafe.Pointer, size uint64, ps [][]byte, n int) int {
	tail := n - 32
	for k, p := range ps {
		if len(p) != n {
			return k
		}
		d, s := (*quads)(at), (*quads)(unsafe.Pointer(unsafe.SliceData(p)))
		d.first = s.first
		d.second = s.second
		d, s = (*quads)(unsafe.Add(at, tail)), (*quads)(unsafe.Add(unsafe.Pointer(s), tail))
		d.first = s.first
		d.second = s.second
		at = unsafe.Add(at, size)
	}
	return len(ps)
}

// A quad is moved in one piece, two in two.
type (
	quad  [16]byte
	quads struct{ first, second quad }
)

// Copy32 copies 16 to 32 bytes, word by word: who publishes has often just stored them as words, and a load that needs two stores waits until both, and all before,
// have left for the cache.
func Copy32(dst *byte, src []byte) {
	d, s, n := unsafe.Pointer(dst), unsafe.Pointer(unsafe.SliceData(src)), len(src)-16
	copyEnds(d, s, 16)
	copyEnds(unsafe.Add(d, n), unsafe.Add(s, n), 16)
}

// Copy16 copies 8 to 16 bytes.
func Copy16(dst *byte, src []byte) {
	copyEnds(unsafe.Pointer(dst), unsafe.Pointer(unsafe.SliceData(src)), len(src))
}

// Copy8 copies up to 8 bytes.
func Copy8(dst *byte, src []byte) {
	d, s, n := unsafe.Pointer(dst), unsafe.Pointer(unsafe.SliceData(src)), len(src)
	switch {
	case n >= 4:
		*(*uint32)(d), *(*uint32)(unsafe.Add(d, n-4)) = *(*uint32)(s), *(*uint32)(unsafe.Add(s, n-4))
	case n >= 2:
		*(*uint16)(d), *(*uint16)(unsafe.Add(d, n-2)) = *(*uint16)(s), *(*uint16)(unsafe.Add(s, n-2))
	case n == 1:
		*dst = *(*byte)(s)
	}
}

// copyEnds copies the first and the last word of n bytes, which overlap or lie side by side.
func copyEnds(dst, src unsafe.Pointer, n int) {
	*(*uint64)(dst) = *(*uint64)(src)
	*(*uint64)(unsafe.Add(dst, n-8)) = *(*uint64)(unsafe.Add(src, n-8))
}
