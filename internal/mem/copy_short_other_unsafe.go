//go:build !amd64 || race || shmbus_sched

package mem

import "unsafe"

func copyShort(dst *byte, src []byte) { Copy(unsafe.Slice(dst, len(src)), src) }

// Copy64 copies 33 to 64 bytes.
func Copy64(dst *byte, src []byte) { copyShort(dst, src) }

// CopyLine copies Line bytes.
func CopyLine(dst *byte, src []byte) { copyShort(dst, src) }

// CopyFresh64 is Copy64.
func CopyFresh64(dst *byte, src []byte) { copyShort(dst, src) }

// Copy32 copies 16 to 32 bytes.
func Copy32(dst *byte, src []byte) { copyShort(dst, src) }

// Copy16 copies 8 to 16 bytes.
func Copy16(dst *byte, src []byte) { copyShort(dst, src) }

// Copy8 copies up to 8 bytes.
func Copy8(dst *byte, src []byte) { copyShort(dst, src) }

func shortOnes(int) bool { return false }

func fillShort(unsafe.Pointer, uint64, [][]byte, int) int { return 0 }
