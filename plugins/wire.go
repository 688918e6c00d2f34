package plugins

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"shmbus/bus"
	"shmbus/topics"
)

// A frame on the standard output of a plugin with contract frames:
//
//	 0               1               2               3
//	+---------------+---------------+---------------+---------------+
//	| length of what follows, in bytes, big endian                  |
//	+---------------+---------------+---------------+---------------+
//	| kind: 0 or 1  | T: length of  | topic, T bytes of UTF-8 ...   |
//	| (msgpack)     | the topic     |                               |
//	+---------------+---------------+---------------+---------------+
//	| payload ...                                                   |
//
// In Python: struct.pack(">IBB", 2 + len(topic) + len(payload), 0, len(topic)) + topic + payload.

// MaxFrame is the longest frame that a runner takes, in bytes with its topic; the topic's ring may allow less.
const MaxFrame = 64 << 20

// ErrFrame is wrapped by the errors of a FrameReader over what is no frame.
var ErrFrame = errors.New("bad frame on standard output")

// AppendFrame appends a frame to b. The topic's name must be a good one, see topics.CheckName.
func AppendFrame(b []byte, topic string, kind bus.Kind, payload []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(2+len(topic)+len(payload)))
	b = append(b, byte(kind), byte(len(topic)))
	b = append(b, topic...)
	return append(b, payload...)
}

// A FrameReader reads frames. It is for one goroutine.
type FrameReader struct {
	r     io.Reader
	head  [4]byte
	buf   []byte
	topic string // of the last frame
}

// NewFrameReader is a FrameReader over r, which should be buffered.
func NewFrameReader(r io.Reader) *FrameReader { return &FrameReader{r: r} }

// Next reads a frame. The payload is good until the next call. At a proper end the error is io.EOF; in the middle of a frame it
// wraps io.ErrUnexpectedEOF; if what comes is no frame it wraps ErrFrame, and there is nothing more to be read. A Reserved topic is a good
// frame here: what becomes of it is for the caller to say.
func (f *FrameReader) Next() (topic string, kind bus.Kind, payload []byte, err error) {
	if n, err := io.ReadFull(f.r, f.head[:]); err != nil {
		if err == io.EOF {
			return "", 0, nil, io.EOF
		}
		return "", 0, nil, fmt.Errorf("%d of the 4 bytes of a length: %w", n, err)
	}
	length := binary.BigEndian.Uint32(f.head[:])
	switch {
	case length < 3:
		return "", 0, nil, fmt.Errorf("%w: a length of %d bytes, without a topic", ErrFrame, length)
	case length > MaxFrame:
		return "", 0, nil, fmt.Errorf("%w: a length of %d bytes (%q), at most %d are taken", ErrFrame, length, f.head, MaxFrame)
	}
	if cap(f.buf) < int(length) {
		f.buf = make([]byte, length, length+length/4)
	}
	b := f.buf[:length]
	if n, err := io.ReadFull(f.r, b); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return "", 0, nil, fmt.Errorf("%d of the %d bytes of a frame: %w", n, length, err)
	}
	if b[0] > byte(bus.KindMsgpack) {
		return "", 0, nil, fmt.Errorf("%w: kind %d", ErrFrame, b[0])
	}
	n := int(b[1])
	if n > len(b)-2 {
		return "", 0, nil, fmt.Errorf("%w: a topic of %d bytes in a frame of %d", ErrFrame, n, length)
	}
	if name := b[2 : 2+n]; string(name) != f.topic || n == 0 {
		topic := string(name)
		if err := topics.CheckName(topic); err != nil {
			return "", 0, nil, fmt.Errorf("%w: %w", ErrFrame, err)
		}
		f.topic = topic
	}
	kind, payload = bus.Kind(b[0]), b[2+n:]
	if kind == bus.KindMsgpack && !OneMsgpack(payload) {
		return "", 0, nil, fmt.Errorf("%w: on %q, %d bytes that are not one msgpack value, as kind 1 says", ErrFrame, f.topic, len(payload))
	}
	return f.topic, kind, payload, nil
}
