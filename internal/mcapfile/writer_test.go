package mcapfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/foxglove/mcap/go/mcap"
)

func TestAClosedFileIsReadBack(t *testing.T) {
	for _, c := range compressions {
		for _, n := range []int{0, 1, 5, 23, 1000} {
			numbers, s := readAll(t, sample(t, n, c))
			if len(numbers) != n || !s.Closed || s.Bad != 0 || s.Ends != "" {
				t.Errorf("%q: %d of %d messages: %+v", c, len(numbers), n, s)
			}
		}
	}
}

// TestTheLibraryReadsTheFile: by its index, and from the beginning with all checksums checked.
func TestTheLibraryReadsTheFile(t *testing.T) {
	for _, c := range compressions {
		const n = 123
		b := sample(t, n, c)
		for _, indexed := range []bool{true, false} {
			r, err := mcap.NewReader(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			info, err := r.Info()
			if err != nil {
				t.Fatal(err)
			}
			if s := info.Statistics; s.MessageCount != n || s.ChannelCount != 3 || s.MetadataCount != 1 || int(s.ChunkCount) != len(info.ChunkIndexes) ||
				s.MessageStartTime != 1e9 || s.MessageEndTime != 1e9+n-1 || len(info.Channels) != 3 {
				t.Errorf("%q: %+v", c, s)
			}
			m, err := r.GetMetadata(info.MetadataIndexes[0].Offset)
			if err != nil || m.Name != "note" || m.Metadata["half"] != "way" {
				t.Errorf("metadata %v, %v", m, err)
			}
			if r, err = mcap.NewReader(bytes.NewReader(b)); err != nil {
				t.Fatal(err)
			}
			it, err := r.Messages(mcap.UsingIndex(indexed))
			if err != nil {
				t.Fatal(err)
			}
			count := 0
			for ; ; count++ {
				_, channel, m, err := it.NextInto(nil)
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				if want := message(count); m.Sequence != want.Sequence || !bytes.Equal(m.Data, want.Data) || channel.ID != want.ChannelID {
					t.Fatalf("%q: message %d: %+v", c, count, m)
				}
			}
			if count != n {
				t.Errorf("%q, by index %v: %d of %d messages", c, indexed, count, n)
			}
		}
		lexer, err := mcap.NewLexer(bytes.NewReader(b), &mcap.LexerOptions{ValidateChunkCRCs: true})
		if err != nil {
			t.Fatal(err)
		}
		for {
			if _, _, err := lexer.Next(nil); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestALonelyMessageIsWrittenSoon: no later message is needed, which is what the library's writer would wait for.
func TestALonelyMessageIsWrittenSoon(t *testing.T) {
	f := &memFile{writes: make(chan int, 10)}
	w := begin(t, f, Options{})
	<-f.writes // the header
	start := time.Now()
	if err := w.Message(message(0)); err != nil {
		t.Fatal(err)
	}
	select {
	case <-f.writes:
	case <-time.After(20 * time.Second):
		t.Fatal("it is not written")
	}
	if d := time.Since(start); d < DefaultLatency/2 {
		t.Errorf("it was written after %v, alone in a chunk", d)
	} else {
		t.Logf("written after %v", d)
	}
	if numbers, s := readAll(t, f.bytes()); len(numbers) != 1 || s.Closed {
		t.Errorf("%v %+v", numbers, s)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if f.syncs == 0 {
		t.Error("the file was not synced")
	}
}

func TestManyWriteAtOnce(t *testing.T) {
	const writers, each = 8, 3000
	f := &memFile{}
	w := begin(t, f, Options{ChunkSize: 4096, Latency: time.Millisecond, Compression: mcap.CompressionZSTD})
	var wg sync.WaitGroup
	for g := range writers {
		wg.Go(func() {
			for i := range each {
				err := w.Message(message(g*each + i))
				if i%1000 == 500 {
					err = errors.Join(err, w.Metadata("m", map[string]string{"i": fmt.Sprint(i)}))
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if w.Size() < 4096 {
		t.Errorf("size %d", w.Size())
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if w.Size() != int64(len(f.b)) {
		t.Errorf("size %d of %d", w.Size(), len(f.b))
	}
	numbers, s := readAll(t, f.b)
	seen, last := map[int]bool{}, map[int]int{}
	for _, i := range numbers {
		if seen[i] {
			t.Fatalf("message %d is there twice", i)
		}
		if l, ok := last[i/each]; ok && l > i {
			t.Fatalf("message %d comes before %d", l, i)
		}
		seen[i], last[i/each] = true, i
	}
	if len(numbers) != writers*each || !s.Closed {
		t.Errorf("%d of %d messages: %+v", len(numbers), writers*each, s)
	}
}

// TestAFullDisk: the error says so at once, and what was written before stays readable.
func TestAFullDisk(t *testing.T) {
	whole := len(sample(t, 100, mcap.CompressionNone)) - 300 // without the metadata
	for limit := 60; limit < whole; limit += 61 {
		failed := make(chan error, 2)
		f := &memFile{limit: limit}
		w := begin(t, f, Options{Failed: func(err error) { failed <- err }})
		var err error
		for i := 0; i < 100 && err == nil; i++ {
			err = w.Message(message(i))
			if i%5 == 4 && err == nil {
				err = w.Flush()
			}
		}
		if e := w.Close(); !errors.Is(e, errFull) || err != nil && !errors.Is(err, errFull) {
			t.Fatalf("room for %d of %d: %v, %v", limit, whole, err, e)
		}
		chunks := 0
		heads(f.b, func(op mcap.OpCode, _, end int) {
			if end > len(f.b) {
				t.Fatalf("room for %d: a record was left cut short", limit)
			}
			if op == mcap.OpChunk {
				chunks++
			}
		})
		numbers, s := readAll(t, f.b)
		if len(numbers) != 5*chunks || w.Messages() != uint64(len(numbers)) || s.Closed {
			t.Fatalf("room for %d: %d messages in %d chunks: %+v", limit, len(numbers), chunks, s)
		}
		if chunks < 20 { // otherwise only the end of the file had no room
			if e := <-failed; !errors.Is(e, errFull) {
				t.Fatal(e)
			}
		}
	}
}

func TestMisuseIsAnError(t *testing.T) {
	if _, err := NewWriter(&memFile{}, Options{Compression: "rar"}); err == nil {
		t.Error("unknown compression is taken")
	}
	if _, err := NewWriter(&memFile{limit: 3}, Options{}); !errors.Is(err, errFull) {
		t.Errorf("no room for the header: %v", err)
	}
	w := begin(t, &memFile{}, Options{})
	if err := w.Message(&mcap.Message{ChannelID: 9}); err == nil {
		t.Error("an unknown channel is taken")
	}
	if err := w.Channel(&mcap.Channel{ID: 1}); err == nil {
		t.Error("a channel is taken twice")
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for i, err := range []error{w.Message(message(0)), w.Metadata("a", nil), w.Flush(), w.Close(), w.Channel(&mcap.Channel{ID: 7})} {
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("call %d after Close: %v", i, err)
		}
	}
}

func BenchmarkMessage(b *testing.B) {
	for _, c := range compressions {
		b.Run("compression="+string(c), func(b *testing.B) {
			f, err := os.Create(b.TempDir() + "/f")
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			w := begin(b, f, Options{Compression: c})
			m := message(40)
			m.Data = bytes.Repeat([]byte("0123456789abcdef"), 4)
			b.SetBytes(64)
			b.ReportAllocs()
			for b.Loop() {
				if err := w.Message(m); err != nil {
					b.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
