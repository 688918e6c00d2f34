package mcapfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"syscall"

	"github.com/foxglove/mcap/go/mcap"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// A buffer is bytes to which a writer appends.
type buffer []byte

func (b *buffer) Write(p []byte) (int, error) {
	*b = append(*b, p...)
	return len(p), nil
}

// An output is the file and what its end has to tell. It is for one goroutine at a time.
type output struct {
	file        File
	compression mcap.CompressionFormat
	zstd        *zstd.Encoder
	lz4         *lz4.Writer
	size        int64            // of whole records
	statistics  *mcap.Statistics // of them
	crc         uint32           // of them
	buf         buffer           // records to be written at once
	records     *mcap.Writer
	chunks      []*mcap.ChunkIndex
	metadatas   []*mcap.MetadataIndex
}

func newOutput(f File, o Options) (*output, error) {
	out := &output{file: f, compression: o.Compression, statistics: &mcap.Statistics{ChannelMessageCounts: make(map[uint16]uint64)}}
	var err error
	switch o.Compression {
	case mcap.CompressionNone:
	case mcap.CompressionZSTD:
		// The fastest level: a recorder has to keep up.
		out.zstd, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	case mcap.CompressionLZ4:
		out.lz4 = lz4.NewWriter(nil)
		err = out.lz4.Apply(lz4.BlockSizeOption(lz4.Block256Kb)) // readers make room for a block
	default:
		err = fmt.Errorf("compression %q is not known", o.Compression)
	}
	if err != nil {
		return nil, err
	}
	if out.records, err = encoder(&out.buf, false); err != nil {
		return nil, err
	}
	out.buf = append(out.buf, mcap.Magic...)
	if err := out.records.WriteHeader(&mcap.Header{Library: o.Library}); err != nil {
		return nil, err
	}
	return out, out.flush()
}

// flush writes what is in buf. If that fails the file is cut back to the records that are whole.
func (o *output) flush() error {
	_, err := o.file.Write(o.buf)
	if err != nil {
		_ = o.file.Truncate(o.size) // without it the file ends with a record that is cut short
		return err
	}
	o.size += int64(len(o.buf))
	o.crc = crc32.Update(o.crc, crc32.IEEETable, o.buf)
	if o.buf = o.buf[:0]; cap(o.buf) > 8*DefaultChunkSize {
		o.buf = nil
	}
	return nil
}

// chunk writes a chunk and its message indexes.
func (o *output) chunk(c *chunk) error {
	le := binary.LittleEndian
	b := append(o.buf[:0], byte(mcap.OpChunk))
	b = le.AppendUint64(b, 0) // the record's length
	b = le.AppendUint64(b, c.start)
	b = le.AppendUint64(b, c.end)
	b = le.AppendUint64(b, uint64(len(c.buffer)))
	b = le.AppendUint32(b, crc32.ChecksumIEEE(c.buffer))
	b = le.AppendUint32(b, uint32(len(o.compression)))
	b = append(b, o.compression...)
	b = le.AppendUint64(b, 0) // the length of what follows
	head := len(b)
	b, err := o.compress(b, c.buffer)
	if err != nil {
		return err
	}
	compressed := uint64(len(b) - head)
	le.PutUint64(b[1:], uint64(len(b)-recordHead))
	le.PutUint64(b[head-8:], compressed)
	o.buf = b

	index := &mcap.ChunkIndex{
		MessageStartTime: c.start, MessageEndTime: c.end, ChunkStartOffset: uint64(o.size), ChunkLength: uint64(len(b)),
		MessageIndexOffsets: make(map[uint16]uint64, len(c.channels)), Compression: o.compression,
		CompressedSize: compressed, UncompressedSize: uint64(len(c.buffer)),
	}
	for _, id := range c.channels {
		index.MessageIndexOffsets[id] = uint64(o.size) + uint64(len(o.buf))
		if err := o.records.WriteMessageIndex(c.indexes[id]); err != nil {
			return err
		}
	}
	index.MessageIndexLength = uint64(len(o.buf)) - index.ChunkLength
	if err := o.flush(); err != nil {
		return err
	}
	o.chunks = append(o.chunks, index)
	o.count(c)
	return nil
}

// count notes what is in a chunk that was written.
func (o *output) count(c *chunk) {
	s := o.statistics
	if s.MessageCount == 0 {
		s.MessageStartTime = c.start
	}
	s.MessageStartTime, s.MessageEndTime = min(s.MessageStartTime, c.start), max(s.MessageEndTime, c.end)
	for _, id := range c.channels {
		n := uint64(len(c.indexes[id].Entries()))
		s.MessageCount += n
		s.ChannelMessageCounts[id] += n
	}
	s.ChannelCount, s.ChunkCount = uint32(len(s.ChannelMessageCounts)), uint32(len(o.chunks))
}

func (o *output) compress(dst, src []byte) ([]byte, error) {
	switch {
	case o.zstd != nil:
		return o.zstd.EncodeAll(src, dst), nil
	case o.lz4 != nil:
		to := buffer(dst)
		o.lz4.Reset(&to)
		if _, err := o.lz4.Write(src); err != nil {
			return dst, err
		}
		err := o.lz4.Close()
		return to, err
	}
	return append(dst, src...), nil
}

func (o *output) metadata(m *mcap.Metadata) error {
	if err := o.records.WriteMetadata(m); err != nil {
		return err
	}
	index := &mcap.MetadataIndex{Offset: uint64(o.size), Length: uint64(len(o.buf)), Name: m.Name}
	if err := o.flush(); err != nil {
		return err
	}
	o.metadatas = append(o.metadatas, index)
	o.statistics.MetadataCount++
	return nil
}

// noSync says whether the error is that of a file that cannot be synced, as devices and pipes.
func noSync(err error) bool { return errors.Is(err, syscall.EINVAL) }
