package main

import (
	"encoding/binary"
	"fmt"
	"image"
	"time"
)

// A frame is a header of 64 bytes and then the pixels, a byte each, row by row. Frames begin at a multiple of 64, so the pixels do too.
//
//	+----------------+----------------+----------------+----------------+
//	| number         | taken          | width | height | zero           |
//	+----------------+----------------+----------------+----------------+
const headerBytes = 64

// pictureBytes is the size of a frame.
func pictureBytes(width, height int) int { return headerBytes + width*height }

// A picture is a view of a frame: its pixels are the frame's bytes.
type picture struct {
	number        uint64
	taken         time.Time
	width, height int
	pix           []byte
}

// view checks a frame and looks at it as a picture.
func view(frame []byte) (picture, error) {
	if len(frame) < headerBytes {
		return picture{}, fmt.Errorf("a frame of %d bytes is no picture", len(frame))
	}
	p := picture{
		number: binary.LittleEndian.Uint64(frame),
		taken:  time.Unix(0, int64(binary.LittleEndian.Uint64(frame[8:]))),
		width:  int(binary.LittleEndian.Uint32(frame[16:])),
		height: int(binary.LittleEndian.Uint32(frame[20:])),
		pix:    frame[headerBytes:],
	}
	if p.width < 3 || p.height < 3 || len(p.pix)/p.width != p.height || len(p.pix)%p.width != 0 {
		return picture{}, fmt.Errorf("a picture of %d x %d with %d pixels", p.width, p.height, len(p.pix))
	}
	return p, nil
}

// compose writes a header into a frame and gives it as a picture whose pixels are still to be set.
func compose(frame []byte, number uint64, taken time.Time, width, height int) picture {
	binary.LittleEndian.PutUint64(frame, number)
	binary.LittleEndian.PutUint64(frame[8:], uint64(taken.UnixNano()))
	binary.LittleEndian.PutUint32(frame[16:], uint32(width))
	binary.LittleEndian.PutUint32(frame[20:], uint32(height))
	clear(frame[24:headerBytes])
	return picture{number, taken, width, height, frame[headerBytes:pictureBytes(width, height)]}
}

// row is row y.
func (p picture) row(y int) []byte { return p.pix[y*p.width:][:p.width] }

// draw sets the pixels: a slope that moves from picture to picture, with a bright bar across it.
func (p picture) draw() {
	shift := byte(p.number)
	for y := range p.height {
		row := p.row(y)
		base := byte(y) + shift
		for x := range row {
			row[x] = base + byte(x>>2)
		}
	}
	bar := int(p.number*4) % (p.height - 1)
	for x := range p.width {
		p.row(bar)[x], p.row(bar + 1)[x] = 255, 255
	}
}

// blurInto sets each pixel of to, which has the same size, to the mean of the nine around it in p. The border stays as it is.
func (p picture) blurInto(to picture) {
	copy(to.row(0), p.row(0))
	copy(to.row(p.height-1), p.row(p.height-1))
	for y := 1; y < p.height-1; y++ {
		up, mid, down, out := p.row(y-1), p.row(y), p.row(y+1), to.row(y)
		out[0], out[p.width-1] = mid[0], mid[p.width-1]
		column := func(x int) uint32 { return uint32(up[x]) + uint32(mid[x]) + uint32(down[x]) }
		left, here := column(0), column(1)
		for x := 1; x < len(mid)-1; x++ {
			right := column(x + 1)
			out[x] = byte((left + here + right) * 7282 >> 16) // a ninth
			left, here = here, right
		}
	}
}

// mean is the mean brightness.
func (p picture) mean() float64 {
	sum := uint64(0)
	for _, v := range p.pix {
		sum += uint64(v)
	}
	return float64(sum) / float64(len(p.pix))
}

// gray is the picture for the image package, with the same pixels in memory.
func (p picture) gray() *image.Gray {
	return &image.Gray{Pix: p.pix, Stride: p.width, Rect: image.Rect(0, 0, p.width, p.height)}
}
