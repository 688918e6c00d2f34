package mcapfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/foxglove/mcap/go/mcap"
)

// TestAFileCutAnywhere: of a file of which only the first bytes are there, every whole chunk is read, and nothing twice.
func TestAFileCutAnywhere(t *testing.T) {
	for _, c := range compressions {
		b := sample(t, 12, c)
		whole, _ := readAll(t, b)
		ends := map[int]int{} // where chunks end: messages by then
		count, at := 0, len(b)
		heads(b, func(op mcap.OpCode, start, end int) {
			switch op {
			case mcap.OpChunk:
				r := chunkReader{most: maxRecord}
				if err := r.open(b[start+recordHead : end]); err != nil {
					t.Fatal(err)
				}
				for op, _, ok := r.next(); ok; op, _, ok = r.next() {
					if op == mcap.OpMessage {
						count++
					}
				}
				ends[end] = count
			case mcap.OpDataEnd:
				at = min(at, start)
			}
		})
		if count != len(whole) || at == len(b) {
			t.Fatalf("%d of %d messages are in chunks", count, len(whole))
		}
		want := 0
		for n := range b {
			if n < len(mcap.Magic) {
				if _, err := NewReader(bytes.NewReader(b[:n])); !errors.Is(err, ErrNotMCAP) {
					t.Fatalf("%d bytes: %v", n, err)
				}
				continue
			}
			if more, ok := ends[n]; ok {
				want = more
			}
			numbers, s := readAll(t, b[:n])
			if !slices.Equal(numbers, whole[:want]) || s.Messages != uint64(want) {
				t.Fatalf("%q: of the first %d bytes messages %v were read, not the first %d", c, n, numbers, want)
			}
			if s.Closed || s.Ends == "" || !s.Cut || s.Damaged() {
				t.Fatalf("%q: the first %d bytes: %+v", c, n, s)
			}
		}
	}
}

// damaged is b with one thing wrong.
func damaged(r *rand.Rand, b []byte) []byte {
	b = bytes.Clone(b)
	at := len(mcap.Magic) + r.IntN(len(b)-len(mcap.Magic))
	part := b[at:min(len(b), at+1+r.IntN(200))]
	switch r.IntN(4) {
	case 0:
		b[at] ^= 1 << r.IntN(8)
	case 1:
		clear(part)
	case 2:
		for i := range part {
			part[i] = byte(r.Uint32())
		}
	case 3:
		b = slices.Delete(b, at, at+len(part))
	}
	return b
}

// TestDamageIsFoundAndLeftOut: what is read of a damaged file is what was written, once and in order.
func TestDamageIsFoundAndLeftOut(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range compressions {
		b := sample(t, 60, c)
		told := 0
		for range 500 {
			d := damaged(r, b)
			in, err := NewReader(bytes.NewReader(d))
			if err != nil {
				t.Fatal(err)
			}
			last := -1
			for {
				_, m, err := in.Next()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				want := message(int(m.Sequence) % 60)
				if !bytes.Equal(m.Data, want.Data) { // the checksum itself was cleared, say
					continue
				}
				if int(m.Sequence) <= last {
					t.Fatalf("%q: message %d comes after %d", c, m.Sequence, last)
				}
				last = int(m.Sequence)
			}
			if s := in.Status(); s.Bad > 0 || !s.Closed {
				told++
			}
		}
		if told == 0 {
			t.Errorf("%q: nothing was found", c)
		}
	}
}

func TestADamagedChunkDoesNotHideTheNextOnes(t *testing.T) {
	b := sample(t, 30, mcap.CompressionNone)
	at := bytes.Index(b, []byte("message 1"))
	b[at] ^= 1
	numbers, s := readAll(t, b)
	if len(numbers) != 25 || numbers[0] != 5 || s.Bad != 1 || !s.Closed || !strings.Contains(s.Why, "checksum") {
		t.Errorf("%v %+v", numbers, s)
	}
}

// TestADamagedLengthIsNotTakenForTheEnd: a record that says to be longer than it is hides all that follows. That is no file that was cut short,
// because the mark of its end is there.
func TestADamagedLengthIsNotTakenForTheEnd(t *testing.T) {
	for _, c := range compressions {
		b := sample(t, 30, c)
		heads(b, func(op mcap.OpCode, start, _ int) {
			for bit := range 64 {
				d := bytes.Clone(b)
				d[start+1+bit/8] ^= 1 << (bit % 8)
				numbers, s := readAll(t, d)
				if len(numbers) < 30 && !s.Damaged() {
					t.Fatalf("%q: bit %d of the length of the %v at byte %d: %d messages, %+v", c, bit, op, start, len(numbers), s)
				}
			}
		})
	}
}

// TestWhatFollowsTheEndIsDamage: the last bytes are not those of a file that was closed, and there is nothing that was still to be written.
func TestWhatFollowsTheEndIsDamage(t *testing.T) {
	b := sample(t, 30, mcap.CompressionNone)
	b[len(b)-1] ^= 1
	if numbers, s := readAll(t, b); len(numbers) != 30 || s.Closed || s.Cut || !s.Damaged() {
		t.Errorf("%d messages, %+v", len(numbers), s)
	}
	zeros := append(b[:len(b)/2:len(b)/2], make([]byte, 4096)...) // as some file systems have it after a crash of the machine
	if _, s := readAll(t, zeros); s.Closed || !s.Damaged() {
		t.Errorf("%+v", s)
	}
}

// TestFilesOfOtherWriters: with chunks or without, with schemas, and with attachments.
func TestFilesOfOtherWriters(t *testing.T) {
	for _, chunked := range []bool{true, false} {
		var b bytes.Buffer
		w, err := mcap.NewWriter(&b, &mcap.WriterOptions{Chunked: chunked, ChunkSize: 100, Compression: mcap.CompressionLZ4})
		if err != nil {
			t.Fatal(err)
		}
		err = errors.Join(w.WriteHeader(&mcap.Header{}), w.WriteSchema(&mcap.Schema{ID: 1, Name: "s"}))
		for id := range uint16(3) {
			err = errors.Join(err, w.WriteChannel(&mcap.Channel{
				ID: id + 1, SchemaID: 1, Topic: "t/" + string(rune('1'+id)), Metadata: map[string]string{"kind": "raw"},
			}))
		}
		for i := range 50 {
			err = errors.Join(err, w.WriteMessage(message(i)))
		}
		err = errors.Join(err, w.WriteAttachment(&mcap.Attachment{Name: "a", DataSize: 3, Data: strings.NewReader("abc")}), w.Close())
		if err != nil {
			t.Fatal(err)
		}
		if numbers, s := readAll(t, b.Bytes()); len(numbers) != 50 || !s.Closed || s.Bad > 0 {
			t.Errorf("chunked %v: %d messages, %+v", chunked, len(numbers), s)
		}
	}
}

func TestErrorsOfReadingAreNotTheEnd(t *testing.T) {
	b := sample(t, 33, mcap.CompressionZSTD)
	broken := errors.New("broken")
	for _, n := range []int{0, 4, 8, 12, len(b) / 2, len(b) - 3} {
		r, err := NewReader(io.MultiReader(bytes.NewReader(b[:n]), iotest.ErrReader(broken)))
		for err == nil {
			_, _, err = r.Next()
		}
		if !errors.Is(err, broken) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func FuzzReader(f *testing.F) {
	for _, c := range compressions {
		b := sample(f, 12, c)
		f.Add(b)
		f.Add(b[:len(b)/2])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		read := func() (sum uint64, s Status) {
			r, err := NewReader(bytes.NewReader(b))
			if err != nil {
				return 0, s
			}
			r.chunk.most = 16 << 20 // a few bytes can become a gigabyte, which takes its time
			n := uint64(0)
			for {
				c, m, err := r.Next()
				if err == io.EOF {
					break
				}
				if err != nil || c == nil {
					t.Fatal(c, err)
				}
				n++
				sum = sum*31 + m.LogTime + uint64(len(m.Data))
			}
			if s = r.Status(); s.Messages != n || s.Closed == (s.Ends != "") || s.Closed && s.Cut {
				t.Fatalf("%d messages, and %+v", n, s)
			}
			return sum, s
		}
		sum, s := read()
		if again, t2 := read(); again != sum || t2 != s {
			t.Fatalf("read twice: %+v and %+v", s, t2)
		}
	})
}

// TestALargeMessageIsAChunkOfItsOwn: what compresses well and what does not.
func TestALargeMessageIsAChunkOfItsOwn(t *testing.T) {
	noise := make([]byte, 9<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(noise)
	for _, c := range compressions {
		f := &memFile{}
		w := begin(t, f, Options{Compression: c})
		for _, data := range [][]byte{noise, make([]byte, 30<<20), []byte("small")} {
			if err := w.Message(&mcap.Message{ChannelID: 1, Data: data}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		r, err := NewReader(bytes.NewReader(f.b))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range [][]byte{noise, make([]byte, 30<<20), []byte("small")} {
			if _, m, err := r.Next(); err != nil || !bytes.Equal(m.Data, want) {
				t.Fatalf("%q: a message of %d bytes is not read: %v", c, len(want), err)
			}
		}
	}
}

// TestMemoryIsNotTakenOnAWord: a few bytes that ask zstd to remember half a gigabyte are refused before that is allocated.
func TestMemoryIsNotTakenOnAWord(t *testing.T) {
	le := binary.LittleEndian
	b := make([]byte, 16) // times
	b = le.AppendUint64(b, 1<<29)
	b = le.AppendUint32(b, 0)
	b = append(le.AppendUint32(b, 4), "zstd"...)
	frame := []byte{0x28, 0xb5, 0x2f, 0xfd, 0, (29 - 10) << 3, 1, 0, 0}
	b = append(le.AppendUint64(b, uint64(len(frame))), frame...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	c := chunkReader{most: maxRecord}
	if err := c.open(b); err == nil || !strings.Contains(err.Error(), "window") {
		t.Errorf("%v", err)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 32<<20 {
		t.Errorf("%d MB were allocated", n>>20)
	}
}
