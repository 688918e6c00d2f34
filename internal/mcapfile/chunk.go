package mcapfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"

	"github.com/foxglove/mcap/go/mcap"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// A chunkReader reads the records in chunks. The library's parser trusts the lengths in a chunk's head, so the head is parsed here.
type chunkReader struct {
	most uint64 // bytes in a chunk
	zstd *zstd.Decoder
	lz4  *lz4.Reader
	raw  bytes.Buffer // the chunk, decompressed
	rest []byte       // what is not read of it
	bad  string       // why the rest of the chunk cannot be read
}

// maxWindow is how much zstd may ask to be remembered: it is allocated before anything is decompressed. Usual are 8 MiB and less.
const maxWindow = 64 << 20

var errShortChunk = errors.New("a chunk is too short for what it says")

// open begins with the chunk in b. An error leaves it out as a whole.
func (c *chunkReader) open(b []byte) error {
	const times, fixed = 8 + 8, 8 + 4 + 4
	le := binary.LittleEndian
	if len(b) < times+fixed {
		return errShortChunk
	}
	b = b[times:]
	size, sum, name := le.Uint64(b), le.Uint32(b[8:]), uint64(le.Uint32(b[12:]))
	b = b[fixed:]
	if name+8 > uint64(len(b)) {
		return errShortChunk
	}
	compression, b := mcap.CompressionFormat(b[:name]), b[name:]
	n, b := le.Uint64(b), b[8:]
	if n > uint64(len(b)) {
		return errShortChunk
	}
	if size > c.most {
		return fmt.Errorf("a chunk of %d bytes is larger than is believed", size)
	}
	raw, err := c.decompress(compression, b[:n], int64(size))
	switch {
	case err != nil:
		return fmt.Errorf("a chunk cannot be decompressed: %w", err)
	case uint64(len(raw)) != size:
		return fmt.Errorf("a chunk has another length than it says")
	case sum != 0 && sum != crc32.ChecksumIEEE(raw):
		return fmt.Errorf("a chunk has another checksum than it says")
	}
	c.rest = raw
	return nil
}

// decompress is at most one byte more than size.
func (c *chunkReader) decompress(f mcap.CompressionFormat, b []byte, size int64) ([]byte, error) {
	var from io.Reader
	switch f {
	case mcap.CompressionNone:
		return b, nil
	case mcap.CompressionZSTD:
		if c.zstd == nil {
			var err error
			c.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
			if err != nil {
				return nil, err
			}
		}
		if err := c.zstd.Reset(bytes.NewReader(b)); err != nil {
			return nil, err
		}
		from = c.zstd
	case mcap.CompressionLZ4:
		if c.lz4 == nil {
			c.lz4 = lz4.NewReader(nil)
		}
		c.lz4.Reset(bytes.NewReader(b))
		from = c.lz4
	default:
		return nil, fmt.Errorf("compression %.20q is not known", string(f))
	}
	c.raw.Reset()
	_, err := io.Copy(&c.raw, io.LimitReader(from, size+1))
	return c.raw.Bytes(), err
}

// next is the next record in the chunk, if there is one.
func (c *chunkReader) next() (op mcap.OpCode, content []byte, ok bool) {
	if len(c.rest) == 0 {
		return 0, nil, false
	}
	if len(c.rest) >= recordHead {
		n := binary.LittleEndian.Uint64(c.rest[1:])
		if b := c.rest[recordHead:]; n <= uint64(len(b)) {
			op, content, c.rest = mcap.OpCode(c.rest[0]), b[:n], b[n:]
			return op, content, true
		}
	}
	c.rest, c.bad = nil, "a record in a chunk is cut short"
	return 0, nil, false
}

func same(a, b *mcap.Channel) bool {
	return a.ID == b.ID && a.Topic == b.Topic && a.MessageEncoding == b.MessageEncoding && maps.Equal(a.Metadata, b.Metadata)
}
