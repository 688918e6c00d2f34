package mcapfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/foxglove/mcap/go/mcap"
)

var compressions = []mcap.CompressionFormat{mcap.CompressionNone, mcap.CompressionZSTD, mcap.CompressionLZ4}

// A memFile is a File in memory. It has room for limit bytes, if that is above 0.
type memFile struct {
	mu     sync.Mutex
	b      []byte
	limit  int
	syncs  int
	writes chan int // told of each length, if not nil
}

var errFull = errors.New("no room")

func (f *memFile) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := len(p)
	if f.limit > 0 {
		n = min(n, f.limit-len(f.b))
	}
	f.b = append(f.b, p[:n]...)
	if f.writes != nil {
		f.writes <- len(f.b)
	}
	if n < len(p) {
		return n, errFull
	}
	return n, nil
}

func (f *memFile) Sync() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.syncs++
	return nil
}

func (f *memFile) Truncate(size int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.b = f.b[:size]
	return nil
}

func (f *memFile) bytes() []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return bytes.Clone(f.b)
}

// message is the i'th message of the tests: on one of three channels, of some length.
func message(i int) *mcap.Message {
	data := bytes.Repeat([]byte{byte(i)}, i*7%50)
	return &mcap.Message{
		ChannelID: uint16(i%3 + 1), Sequence: uint32(i), LogTime: uint64(1e9 + i), PublishTime: uint64(5e8 + i),
		Data: fmt.Appendf(data, " message %d", i),
	}
}

func begin(t testing.TB, f File, o Options) *Writer {
	t.Helper()
	w, err := NewWriter(f, o)
	if err != nil {
		t.Fatal(err)
	}
	for id := range uint16(3) {
		err := w.Channel(&mcap.Channel{ID: id + 1, Topic: fmt.Sprintf("t/%d", id+1), Metadata: map[string]string{"kind": "raw"}})
		if err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// sample is a file of n messages, five in each chunk, and a metadata record in the middle.
func sample(t testing.TB, n int, c mcap.CompressionFormat) []byte {
	t.Helper()
	f := &memFile{}
	w := begin(t, f, Options{Compression: c, Library: "test"})
	for i := range n {
		err := w.Message(message(i))
		if i%5 == 4 {
			err = errors.Join(err, w.Flush())
		}
		if i == n/2 {
			err = errors.Join(err, w.Metadata("note", map[string]string{"half": "way"}))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return f.b
}

// readAll is the numbers of the messages in b. What is not as it was written is an error.
func readAll(t testing.TB, b []byte) (numbers []int, s Status) {
	t.Helper()
	r, err := NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	for {
		c, m, err := r.Next()
		if err == io.EOF {
			return numbers, r.Status()
		}
		if err != nil {
			t.Fatal(err)
		}
		i := int(m.Sequence)
		want := message(i)
		if want.ChannelID != m.ChannelID || want.LogTime != m.LogTime || want.PublishTime != m.PublishTime || !bytes.Equal(want.Data, m.Data) {
			t.Fatalf("message %d is not as it was written: %+v", i, m)
		}
		if want := fmt.Sprintf("t/%d", m.ChannelID); c.Topic != want || c.Metadata["kind"] != "raw" {
			t.Fatalf("message %d is on %+v", i, c)
		}
		numbers = append(numbers, i)
	}
}

// heads calls f for each record of a whole file, with where it starts and ends.
func heads(b []byte, f func(op mcap.OpCode, start, end int)) {
	for at := len(mcap.Magic); at+recordHead <= len(b); {
		end := at + recordHead + int(binary.LittleEndian.Uint64(b[at+1:]))
		f(mcap.OpCode(b[at]), at, end)
		at = end
	}
}
