package mcapfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/foxglove/mcap/go/mcap"
)

// What Options are by default.
const (
	DefaultChunkSize = 1 << 20
	DefaultLatency   = 400 * time.Millisecond
)

// Options say how a file is written. Zeros stand for the defaults.
type Options struct {
	Library     string                 // what writes it, for the header
	Compression mcap.CompressionFormat // none by default
	ChunkSize   int                    // bytes in a chunk before compression; a chunk ends with the message that reaches them
	Latency     time.Duration          // a message is handed to the system at most so long after it was given
	// Failed is told, once, that the file cannot be written any more; the methods of the Writer return the same error.
	Failed func(error)
}

// A File is what a Writer writes to: an *os.File, opened to append.
type File interface {
	io.Writer
	Sync() error
	Truncate(size int64) error
}

// A Writer writes an MCAP file. Any number of goroutines may use it at once. Chunks are compressed and written on a goroutine of its own,
// so that a message waits for the file only when that is two chunks behind.
type Writer struct {
	options Options
	out     *output

	mu       sync.Mutex
	channels map[uint16]*mcap.Channel
	chunk    *chunk       // that is being filled
	records  *mcap.Writer // encodes into chunk
	timer    *time.Timer  // ends chunk
	closed   bool

	jobs    chan job
	free    chan *chunk
	pending atomic.Int64 // bytes in jobs
	written atomic.Int64
	failed  atomic.Pointer[error]
	ended   chan struct{} // all jobs are done

	dirty  chan struct{} // something was written since the last sync
	synced chan struct{} // there will be no more syncs
}

// A job is a chunk to be written, or a metadata record.
type job struct {
	chunk    *chunk
	metadata *mcap.Metadata
}

// A chunk is messages on their way into the file.
type chunk struct {
	buffer
	messages   int
	start, end uint64 // log times
	channels   []uint16
	indexes    map[uint16]*mcap.MessageIndex // of channels, and empty ones
}

// chunks is how many there are: one is filled, one waits, one is written.
const chunks = 3

// NewWriter begins a file.
func NewWriter(f File, o Options) (*Writer, error) {
	if o.ChunkSize <= 0 {
		o.ChunkSize = DefaultChunkSize
	}
	if o.Latency <= 0 {
		o.Latency = DefaultLatency
	}
	out, err := newOutput(f, o)
	if err != nil {
		return nil, err
	}
	w := &Writer{
		options: o, out: out, channels: make(map[uint16]*mcap.Channel),
		jobs: make(chan job, 1), free: make(chan *chunk, chunks), ended: make(chan struct{}),
		dirty: make(chan struct{}, 1), synced: make(chan struct{}),
	}
	for range chunks {
		w.free <- &chunk{indexes: make(map[uint16]*mcap.MessageIndex)}
	}
	w.chunk = <-w.free
	if w.records, err = encoder(chunkWriter{w}, false); err != nil {
		return nil, err
	}
	w.written.Store(out.size)
	w.timer = time.AfterFunc(time.Hour, w.late)
	w.timer.Stop()
	go w.work()
	go w.sync()
	return w, nil
}

// encoder is the library's writer, for single records.
func encoder(to io.Writer, sum bool) (*mcap.Writer, error) {
	return mcap.NewWriter(to, &mcap.WriterOptions{SkipMagic: true, IncludeCRC: sum})
}

type chunkWriter struct{ w *Writer }

func (c chunkWriter) Write(p []byte) (int, error) { return c.w.chunk.Write(p) }

// Channel makes a channel known, before its first message. Its ID is the caller's choice.
func (w *Writer) Channel(c *mcap.Channel) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.usable(); err != nil {
		return err
	}
	if w.channels[c.ID] != nil {
		return fmt.Errorf("channel %d is there already", c.ID)
	}
	w.channels[c.ID] = c
	return nil
}

// Message adds a message. Its Data is not kept.
func (w *Writer) Message(m *mcap.Message) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.usable(); err != nil {
		return err
	}
	c := w.chunk
	x := c.indexes[m.ChannelID]
	if x == nil {
		x = &mcap.MessageIndex{ChannelID: m.ChannelID}
		c.indexes[m.ChannelID] = x
	}
	if x.IsEmpty() {
		channel := w.channels[m.ChannelID]
		if channel == nil {
			return fmt.Errorf("channel %d is not known", m.ChannelID)
		}
		if err := w.records.WriteChannel(channel); err != nil {
			return err
		}
		if len(c.channels) == 0 {
			c.start, c.end = m.LogTime, m.LogTime
			w.timer.Reset(w.options.Latency)
		}
		c.channels = append(c.channels, m.ChannelID)
	}
	x.Add(m.LogTime, uint64(len(c.buffer)))
	c.start, c.end = min(c.start, m.LogTime), max(c.end, m.LogTime)
	c.append(m)
	if len(c.buffer) >= w.options.ChunkSize {
		w.cut()
	}
	return nil
}

// append adds a message record. The library does the same with two copies more, and this is done for every frame.
func (c *chunk) append(m *mcap.Message) {
	le := binary.LittleEndian
	b := append(c.buffer, byte(mcap.OpMessage))
	b = le.AppendUint64(b, uint64(2+4+8+8+len(m.Data)))
	b = le.AppendUint16(b, m.ChannelID)
	b = le.AppendUint32(b, m.Sequence)
	b = le.AppendUint64(b, m.LogTime)
	b = le.AppendUint64(b, m.PublishTime)
	c.buffer = append(b, m.Data...)
	c.messages++
}

// size is how much the chunk makes of the file at most, with its indexes.
func (c *chunk) size() int64 {
	if c.messages == 0 {
		return 0
	}
	return int64(len(c.buffer) + 16*c.messages + 30*len(c.channels) + 200)
}

// Metadata adds a metadata record, behind the messages that were added before.
func (w *Writer) Metadata(name string, values map[string]string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.usable(); err != nil {
		return err
	}
	w.cut()
	w.jobs <- job{metadata: &mcap.Metadata{Name: name, Metadata: values}}
	return nil
}

// Flush ends the chunk that is being filled, and does not wait until it is written.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.usable(); err != nil {
		return err
	}
	w.cut()
	return nil
}

// Size is how long the file would be if it were closed now, or somewhat less than that says: what is on its way is not compressed yet.
// After Close it is how long the file is.
func (w *Writer) Size() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.written.Load() + w.pending.Load() + w.chunk.size()
}

// Messages is how many messages are in the file; call it after Close. They are all that were added, unless Close said otherwise.
func (w *Writer) Messages() uint64 { return w.out.statistics.MessageCount }

// Close writes what is still to be written and the end of the file. It does not close the File. The error is the first one that writing
// the file has met; what was written before it can be read.
func (w *Writer) Close() error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return os.ErrClosed
	}
	if w.err() == nil {
		w.cut()
	}
	w.timer.Stop()
	w.closed = true
	close(w.jobs)
	w.mu.Unlock()
	<-w.ended
	<-w.synced
	if err := w.err(); err != nil {
		return err
	}
	if err := w.out.finish(w.channels); err != nil {
		return err
	}
	w.written.Store(w.out.size)
	return syncFile(w.out.file)
}

func (w *Writer) usable() error {
	if w.closed {
		return os.ErrClosed
	}
	return w.err()
}

func (w *Writer) err() error {
	if p := w.failed.Load(); p != nil {
		return *p
	}
	return nil
}

// late ends a chunk that has waited long enough.
func (w *Writer) late() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.usable() == nil {
		w.cut()
	}
}

// cut hands the chunk on to be written, if there is anything in it.
func (w *Writer) cut() {
	if len(w.chunk.channels) == 0 {
		return
	}
	w.timer.Stop()
	w.pending.Add(w.chunk.size())
	w.jobs <- job{chunk: w.chunk}
	w.chunk = <-w.free
}

// work does the jobs. After an error it only throws them away.
func (w *Writer) work() {
	defer close(w.ended)
	defer close(w.dirty)
	for j := range w.jobs {
		if w.err() == nil {
			if err := w.do(j); err != nil {
				w.fail(err)
			}
		}
		if c := j.chunk; c != nil {
			w.pending.Add(-c.size())
			c.reset(w.options.ChunkSize)
			w.free <- c
		}
	}
}

func (w *Writer) do(j job) error {
	var err error
	if j.chunk != nil {
		err = w.out.chunk(j.chunk)
	} else {
		err = w.out.metadata(j.metadata)
	}
	w.written.Store(w.out.size + w.out.endSize())
	select {
	case w.dirty <- struct{}{}:
	default:
	}
	return err
}

func (w *Writer) fail(err error) {
	if w.failed.CompareAndSwap(nil, &err) && w.options.Failed != nil {
		w.options.Failed(err)
	}
}

// sync brings to the disk what was written, not more often than chunks end by time. It does not hold the writing up.
func (w *Writer) sync() {
	defer close(w.synced)
	for range w.dirty {
		if err := syncFile(w.out.file); err != nil {
			w.fail(err)
		}
		select {
		case <-time.After(w.options.Latency):
		case <-w.ended:
		}
	}
}

// reset makes the chunk empty. Memory that an uncommonly large message took is let go.
func (c *chunk) reset(usual int) {
	c.buffer, c.messages = c.buffer[:0], 0
	if cap(c.buffer) > 8*usual {
		c.buffer = nil
	}
	for _, id := range c.channels {
		c.indexes[id].Reset()
	}
	c.channels = c.channels[:0]
}

// syncFile is Sync, where a file has that.
func syncFile(f File) error {
	if err := f.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !noSync(err) {
		return fmt.Errorf("bringing the file to the disk: %w", err)
	}
	return nil
}
