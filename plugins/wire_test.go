package plugins

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"shmbus/bus"
)

func TestFramesAreReadAsTheyAreWritten(t *testing.T) {
	type frame struct {
		topic   string
		kind    bus.Kind
		payload string
	}
	frames := []frame{
		{"a", bus.KindRaw, "hello"},
		{"a", bus.KindRaw, ""},
		{"b/ü", bus.KindMsgpack, "\x01"},
		{strings.Repeat("t", 200), bus.KindRaw, strings.Repeat("\x00\xff", 100000)},
		{"a", bus.KindRaw, "x"},
	}
	var b []byte
	for _, f := range frames {
		b = AppendFrame(b, f.topic, f.kind, []byte(f.payload))
	}
	for _, r := range []io.Reader{bytes.NewReader(b), iotest.OneByteReader(bytes.NewReader(b)), iotest.DataErrReader(bytes.NewReader(b))} {
		in := NewFrameReader(r)
		for i, f := range frames {
			topic, kind, payload, err := in.Next()
			if err != nil || topic != f.topic || kind != f.kind || string(payload) != f.payload {
				t.Fatalf("frame %d is on %q, of kind %v, with %d bytes; %v", i, topic, kind, len(payload), err)
			}
		}
		if _, _, _, err := in.Next(); err != io.EOF {
			t.Errorf("at the end: %v", err)
		}
	}
}

func TestTheBytesOfAFrameAreThoseOfTheDocumentation(t *testing.T) {
	if got := AppendFrame(nil, "a/b", bus.KindMsgpack, []byte("xyz")); string(got) != "\x00\x00\x00\x08\x01\x03a/bxyz" {
		t.Errorf("%q", got)
	}
}

func TestHalfAFrameIsSaidSo(t *testing.T) {
	whole := AppendFrame(nil, "a/b", bus.KindRaw, []byte("payload"))
	for n := 1; n < len(whole); n++ {
		_, _, _, err := NewFrameReader(bytes.NewReader(whole[:n])).Next()
		if !errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, ErrFrame) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func TestWhatIsNoFrameIsSaidSo(t *testing.T) {
	for b, want := range map[string]string{
		"\x00\x00\x00\x00":                                    "without a topic",
		"\x00\x00\x00\x02\x00\x01":                            "without a topic",
		"hello, I am a line":                                  `"hell"`,
		"\x04\x00\x00\x01":                                    "at most",
		"\x00\x00\x00\x03\x01\x01a":                           "0 bytes that are not one msgpack value",
		"\x00\x00\x00\x04\x01\x01a\xa1":                       "not one msgpack value",
		"\x00\x00\x00\x05\x01\x01a\x01\x02":                   "not one msgpack value",
		"\x00\x00\x00\x04\x02\x01ax":                          "kind 2",
		"\x00\x00\x00\x04\x00\x03ax":                          "a topic of 3 bytes in a frame of 4",
		"\x00\x00\x00\x04\x00\x00ax":                          "it is empty",
		"\x00\x00\x00\x04\x00\x02/a":                          "between slashes",
		"\x00\x00\x00\xcb\x00\xc9" + strings.Repeat("a", 201): "at most 200",
	} {
		_, _, _, err := NewFrameReader(strings.NewReader(b)).Next()
		if !errors.Is(err, ErrFrame) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %q", b, err, want)
		}
	}
}

func TestFramesOnTheSameTopicTakeNoMemory(t *testing.T) {
	one := AppendFrame(nil, "sensors/imu/0", bus.KindRaw, make([]byte, 100))
	in := NewFrameReader(&endless{one, 0})
	n := testing.AllocsPerRun(1000, func() {
		if _, _, _, err := in.Next(); err != nil {
			t.Fatal(err)
		}
	})
	if n > 0 {
		t.Errorf("%v allocations for a frame", n)
	}
}

// An endless reader reads b again and again.
type endless struct {
	b  []byte
	at int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.b[e.at:])
	e.at = (e.at + n) % len(e.b)
	return n, nil
}

func FuzzFrames(f *testing.F) {
	f.Add(AppendFrame(AppendFrame(nil, "a/b", bus.KindRaw, []byte("x")), "c", bus.KindMsgpack, nil))
	f.Add([]byte("\x00\x00\x00\x04\x00\x03ax"))
	f.Fuzz(func(t *testing.T, b []byte) {
		in := NewFrameReader(bytes.NewReader(b))
		var again []byte
		for {
			topic, kind, payload, err := in.Next()
			if err == nil {
				again = AppendFrame(again, topic, kind, payload)
				continue
			}
			if err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, ErrFrame) {
				t.Error(err)
			}
			if err == io.EOF && !bytes.Equal(again, b) || !bytes.HasPrefix(b, again) {
				t.Errorf("%q was read as %q", b, again)
			}
			return
		}
	})
}
