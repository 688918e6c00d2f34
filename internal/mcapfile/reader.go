package mcapfile

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/foxglove/mcap/go/mcap"
)

// recordHead is the length of what is before a record's content: its kind, and the content's length.
const recordHead = 1 + 8

// maxRecord is how long a record, or a chunk when decompressed, is believed to be.
const maxRecord = 1 << 30

// ErrNotMCAP: the input does not begin as an MCAP file does.
var ErrNotMCAP = errors.New("not an MCAP file")

// A Reader reads the messages of an MCAP file from its beginning, in the file's order. Of a file whose writer was killed it reads what is
// whole. It believes nothing that the file says about lengths before the bytes are there.
type Reader struct {
	tail     tail
	r        *bufio.Reader // of tail
	body     bytes.Buffer  // of the record
	chunk    chunkReader
	channels map[uint16]*mcap.Channel
	metadata map[string]map[string]string
	message  mcap.Message
	data     bool  // the end of the data has not been seen
	counted  int64 // messages, by the file's own count; -1: not known
	end      error // why there is no more; io.EOF
	offset   int64 // of the next record
	status   Status
}

// A Status is what a Reader has found out about its file.
type Status struct {
	Messages uint64 // read
	// Closed: the file is whole to its end.
	Closed bool
	// Ends says why it could not be read further, if it was not closed.
	Ends string
	// Cut: it was not closed, and is as its writer leaves it until then, or when killed: whole, and then no more. A file that is neither
	// Closed nor Cut is damaged.
	Cut bool
	// Bad is chunks and records that were left out because what is in them is damaged, and Why says how the first one is.
	Bad int
	Why string
}

// Damaged says whether something that was written could not be read.
func (s Status) Damaged() bool { return s.Bad > 0 || !s.Closed && !s.Cut }

// A tail is the input, and remembers its last bytes: they tell a file that was closed.
type tail struct {
	r    io.Reader
	n    int64 // read by now
	last []byte
}

func (t *tail) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	t.n += int64(n)
	t.last = append(t.last, p[max(0, n-len(mcap.Magic)):n]...)
	t.last = append(t.last[:0], t.last[max(0, len(t.last)-len(mcap.Magic)):]...)
	return n, err
}

// closed says whether what was read is the end of a file that was closed.
func (t *tail) closed() bool { return t.n > int64(len(mcap.Magic)) && bytes.Equal(t.last, mcap.Magic) }

// NewReader begins to read. It may read ahead. Errors: ErrNotMCAP, and those of r.
func NewReader(r io.Reader) (*Reader, error) {
	in := &Reader{
		tail: tail{r: r}, data: true, counted: -1, chunk: chunkReader{most: maxRecord},
		channels: make(map[uint16]*mcap.Channel), metadata: make(map[string]map[string]string),
	}
	in.r = bufio.NewReaderSize(&in.tail, 64<<10)
	magic, err := in.r.Peek(len(mcap.Magic))
	if err != nil && err != io.EOF {
		return nil, err
	}
	if !bytes.Equal(magic, mcap.Magic) {
		return nil, ErrNotMCAP
	}
	n, _ := in.r.Discard(len(magic))
	in.offset = int64(n)
	return in, nil
}

// Next is the next message and its channel. The message, with its data, is good until the next call. The error at the end is io.EOF,
// also where the file is cut short or damaged: Status tells. Other errors are those of reading the input.
func (r *Reader) Next() (*mcap.Channel, *mcap.Message, error) {
	for {
		op, content, ok := r.chunk.next()
		if !ok {
			if r.chunk.bad != "" {
				r.spoilt("%s", r.chunk.bad)
				r.chunk.bad = ""
			}
			if r.end != nil {
				return nil, nil, r.end
			}
			if op, content, ok = r.record(); !ok {
				continue
			}
		}
		if c := r.take(op, content); c != nil {
			r.status.Messages++
			return c, &r.message, nil
		}
	}
}

// Status is what is known by now; after io.EOF it is final.
func (r *Reader) Status() Status { return r.status }

// Metadata is the values of the last metadata record of that name so far, or nil.
func (r *Reader) Metadata(name string) map[string]string { return r.metadata[name] }

// record reads the next record of the file itself. ok: it is one for take.
func (r *Reader) record() (op mcap.OpCode, content []byte, ok bool) {
	head, err := r.r.Peek(recordHead)
	switch {
	case err == io.EOF && len(head) == 0:
		r.early("it ends without the mark of its end")
		return
	case err == io.EOF:
		r.early("it ends within the head of a record")
		return
	case err != nil:
		r.end = err
		return
	}
	op = mcap.OpCode(head[0])
	size := binary.LittleEndian.Uint64(head[1:])
	if op == mcap.OpReserved || size > maxRecord && op != mcap.OpAttachment || size > 1<<62 {
		r.stop("what stands at byte %d is no record", r.offset)
		return
	}
	_, _ = r.r.Discard(recordHead)
	r.body.Reset()
	var to io.Writer = io.Discard
	wanted := r.wants(op)
	if wanted {
		to = &r.body
	}
	n, err := io.CopyN(to, r.r, int64(size))
	if err == io.EOF {
		r.early("it ends within a %v record: %d of %d bytes", op, n, size)
		return
	}
	if err != nil {
		r.end = err
		return
	}
	r.offset += recordHead + int64(size)
	switch op {
	case mcap.OpDataEnd:
		r.data = false
	case mcap.OpFooter:
		magic := make([]byte, len(mcap.Magic))
		_, err := io.ReadFull(r.r, magic)
		switch {
		case err == nil && bytes.Equal(magic, mcap.Magic):
			r.closed()
		case err == nil:
			r.stop("what stands after its last record is not the mark of its end")
		case err == io.EOF, err == io.ErrUnexpectedEOF:
			r.early("it ends without the mark of its end")
		default:
			r.end = err
		}
	case mcap.OpChunk:
		if wanted {
			if err := r.chunk.open(r.body.Bytes()); err != nil {
				r.spoilt("%v", err)
			}
		}
	default:
		return op, r.body.Bytes(), wanted
	}
	return op, nil, false
}

// wants says whether a record's content matters.
func (r *Reader) wants(op mcap.OpCode) bool {
	switch op {
	case mcap.OpChunk, mcap.OpChannel, mcap.OpMessage, mcap.OpMetadata:
		return r.data
	case mcap.OpStatistics:
		return !r.data
	}
	return false
}

// take takes in a record that is no chunk. If it is a message, that is in r.message, and its channel is returned.
func (r *Reader) take(op mcap.OpCode, content []byte) *mcap.Channel {
	switch op {
	case mcap.OpChannel:
		if c, err := mcap.ParseChannel(content); err != nil {
			r.spoilt("%v", err)
		} else if old := r.channels[c.ID]; old == nil || !same(old, c) {
			r.channels[c.ID] = c
		}
	case mcap.OpMetadata:
		if m, err := mcap.ParseMetadata(content); err != nil {
			r.spoilt("%v", err)
		} else {
			r.metadata[m.Name] = m.Metadata
		}
	case mcap.OpMessage:
		if err := r.message.PopulateFrom(content, false); err != nil {
			r.spoilt("%v", err)
			return nil
		}
		if c := r.channels[r.message.ChannelID]; c != nil {
			return c
		}
		r.spoilt("a message is on channel %d, which is not described", r.message.ChannelID)
	case mcap.OpStatistics:
		if len(content) >= 8 {
			r.counted = int64(binary.LittleEndian.Uint64(content))
		}
	}
	return nil
}

// closed ends the reading at the mark of the end. A length that is damaged can hide messages, and still lead to the begin of a record.
func (r *Reader) closed() {
	r.status.Closed, r.end = true, io.EOF
	read := int64(r.status.Messages)
	switch {
	case r.status.Bad > 0:
	case r.data:
		r.spoilt("its data has no end")
	case r.counted >= 0 && r.counted != read:
		r.spoilt("there are %d messages, and %d by the count at its end", read, r.counted)
	}
}

// stop ends the reading where the file does not make sense any more.
func (r *Reader) stop(format string, args ...any) {
	r.end = io.EOF
	r.status.Ends = fmt.Sprintf(format, args...)
}

// early ends the reading where there is no more, as if the rest had not been written yet. But if the mark of the end is there, it was: then a
// length is damaged, and what follows it was taken for a part of its record.
func (r *Reader) early(format string, args ...any) {
	r.stop(format, args...)
	if r.status.Cut = !r.tail.closed(); !r.status.Cut {
		r.status.Ends += ", although the mark of its end is there"
	}
}

// spoilt counts something that is left out.
func (r *Reader) spoilt(format string, args ...any) {
	if r.status.Bad++; r.status.Bad == 1 {
		r.status.Why = fmt.Sprintf(format, args...) + fmt.Sprintf(" (before byte %d)", r.offset)
	}
}
