package bus_test

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

// A script is bytes that say what is done; zeros after its end.
type script []byte

// next is the next n bytes as a number.
func (s *script) next(n int) (x uint64) {
	for i := 0; i < n && len(*s) > 0; i++ {
		x |= uint64((*s)[0]) << (8 * i)
		*s = (*s)[1:]
	}
	return x
}

func (s *script) pick(n int) int { return int(s.next(1)) % n }

// harm is what an overwritten word can do to frames.
type harm int

const (
	nothingOf harm = iota // they must stay whole and in order
	outside               // where the region is said to be may be wrong
	frames                // it is one of those that frames are made of, or lie in the way of readers
)

// place is a word that somebody may overwrite: those that others act on more often than the rest.
func (v *wrecker) place(s *script) (file int, off int64, hurt harm) {
	x := int64(s.next(2))
	table, parts := int64(v.word(48)), int64(v.word(64))
	switch s.pick(16) {
	case 0:
		return 0, x % 32 * 8, outside
	case 1, 2:
		return 0, table + x%80*8, outside
	case 3:
		return 0, parts + x%32*8, nothingOf
	case 4, 5, 6:
		return 0, v.region + x%24*8, frames
	case 7:
		return 0, v.region + 192 + x%8*8, frames
	case 8, 9:
		return 0, v.region + v.areas.Writers + x%16*8, frames
	case 10:
		return 0, v.region + v.areas.Gates + x%40*8, frames
	case 11, 12, 13:
		return 0, v.region + v.areas.Stamps + x%int64(8*v.shape.Slots)*8, frames
	case 14:
		return 1, []int64{x % 8 * 8, int64(os.Getpagesize()) + x%64*8, 64}[x>>8%3], nothingOf
	}
	if x&3 == 0 {
		return 2, x >> 2 % 8 * 8, nothingOf
	}
	return 0, (x * 7919 * 8) % (v.sizes[0] - 8) &^ 7, frames
}

// overwrite changes a word.
func (v *wrecker) overwrite() {
	file, off, old, word, hurt := v.damage(&v.script)
	v.hurt = v.hurt || hurt != nothingOf
	v.seen["overwritten word"]++
	v.note("%s at %d (region + %d): %#x becomes %#x", filepath.Ext(v.files[file].Name()), off, off-v.region, old, word)
}

// storm overwrites words until the function that it returns is called.
func (v *wrecker) storm() (stop func()) {
	v.hurt = true
	done, stopped := make(chan struct{}), make(chan struct{})
	rnd := rand.New(rand.NewPCG(uint64(len(v.script)), v.next(8)))
	go func() {
		defer close(stopped)
		for {
			select {
			case <-done:
				return
			case <-time.After(time.Duration(rnd.IntN(300)) * time.Microsecond):
				s := script(randomScript(rnd, 16))
				v.damage(&s)
			}
		}
	}()
	return func() {
		close(done)
		<-stopped
	}
}

// damage changes a word as a script says.
func (v *wrecker) damage(s *script) (file int, off int64, old, word uint64, hurt harm) {
	file, off, hurt = v.place(s)
	var b [8]byte
	if _, err := v.files[file].ReadAt(b[:], off); err != nil {
		return file, off, 0, 0, hurt // past the end of the lease file, say
	}
	var tail [8]byte
	_, _ = v.files[0].ReadAt(tail[:], v.region)
	old = binary.NativeEndian.Uint64(b[:])
	pos := binary.NativeEndian.Uint64(tail[:])
	x, n := s.next(1), uint64(v.shape.Slots)
	word = old
	switch x & 15 {
	case 0:
		word = s.next(8)
	case 1:
		word = 0
	case 2:
		word = 1<<64 - 1 - x>>4
	case 3:
		word = old + x>>4
	case 4:
		word = old - x>>4
	case 5:
		word = old ^ 1<<(x>>4*4)
	case 6, 7: // a stamp of some position near the tail
		p := pos + x>>4&7 - 4
		word = (p&^(n-1)|s.next(1)%4)<<2 | s.next(1)&3
	case 8:
		word = (pos-x>>4)<<2 | s.next(1)&3 // a cursor
	case 9:
		word = pos - x>>4
	case 10:
		word = pos + x>>4*n/4
	case 11:
		word = 1<<52 - 1 - s.next(1)>>6 // the tombstone, or near it
	case 12:
		word = old&^(1<<52-1) | s.next(1)
	case 13:
		word = old + 4096*(x>>4) - 4096*4
	case 14:
		word = uint64(v.region) + 4096*(x>>4)
	case 15:
		word = old<<8 | old>>56
	}
	binary.NativeEndian.PutUint64(b[:], word)
	_, _ = v.files[file].WriteAt(b[:], off)
	return file, off, old, word, hurt
}
