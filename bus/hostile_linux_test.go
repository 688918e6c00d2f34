package bus_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/topics"
)

// readerModes are the ways to read.
var readerModes = []struct {
	name string
	opts []bus.SubscribeOption
}{
	{"lossy", nil},
	{"lossless", []bus.SubscribeOption{bus.Lossless()}},
	{"tap", []bus.SubscribeOption{bus.ReadOnly()}},
	{"group", []bus.SubscribeOption{bus.Group("g")}},
}

// hostileErrors are those that may come of hostile bytes. The first are of a broken file, and name it.
var hostileErrors = []error{
	bus.ErrCorrupt, bus.ErrVersion,
	bus.ErrNoTopic, bus.ErrClosed, bus.ErrLimit, bus.ErrExclusive, bus.ErrPolicy, bus.ErrBackpressure, bus.ErrFrameTooLarge, bus.ErrBusy, bus.ErrKicked,
	fs.ErrNotExist, context.DeadlineExceeded,
}

// A wrecker is a bus in whose files anybody may overwrite anything at any time.
type wrecker struct {
	t      testing.TB
	script script
	seen   map[string]int
	log    []string

	dir    string
	files  [3]*os.File // .seg, .bell, .lease
	sizes  [3]int64
	head   []byte // of the segment, as it was made
	region int64  // offset of the first topic's region
	areas  topics.Areas
	shape  bus.TopicOptions
	hurt   bool // something was overwritten that frames need

	b    *bus.Bus
	pubs []*bus.Publisher
	subs []*wreckedSub
	sent uint64
}

type wreckedSub struct {
	*bus.Subscriber
	held []*bus.Frame
	last int64
}

func (v *wrecker) next(n int) uint64 { return v.script.next(n) }

func (v *wrecker) pick(n int) int { return v.script.pick(n) }

func (v *wrecker) note(format string, args ...any) {
	v.log = append(v.log, fmt.Sprintf(format, args...))
}

// check fails on what must not happen. The call began at start, and was to end within.
func (v *wrecker) check(what string, start time.Time, within time.Duration, err error) bool {
	v.t.Helper()
	if took := time.Since(start); took > within+2*time.Second {
		v.fatal("%s took %v, and was to end within %v", what, took, within)
	}
	if err == nil {
		v.seen[what]++
		return true
	}
	for i, e := range hostileErrors {
		if !errors.Is(err, e) {
			continue
		}
		if i < 2 && !strings.Contains(err.Error(), "main.") {
			v.fatal("%s: the error does not name the file: %v", what, err)
		}
		v.seen[e.Error()]++
		v.note("%s: %v", what, err)
		return false
	}
	v.fatal("%s: an unknown error: %v", what, err)
	return false
}

func (v *wrecker) fatal(format string, args ...any) {
	v.t.Helper()
	v.t.Fatalf("%s\n%s", fmt.Sprintf(format, args...), strings.Join(v.log, "\n"))
}

// runWrecker does what a script says. In a storm somebody else overwrites words all the time.
func runWrecker(t testing.TB, script []byte, storm bool, seen map[string]int) {
	v := &wrecker{t: t, script: script, seen: seen, dir: newDir(t)}
	defer os.RemoveAll(filepath.Dir(v.dir)) // not only with the test: there are many
	v.build()
	defer func() {
		for _, f := range v.files {
			f.Close()
		}
	}()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range v.pick(4) {
		v.overwrite()
	}
	v.open()
	if storm {
		defer v.storm()()
	}
	for len(v.script) > 0 {
		v.act()
	}
	for _, s := range v.subs {
		_ = s.Close()
	}
	for _, p := range v.pubs {
		_ = p.Close()
	}
	start := time.Now()
	v.b.Close()
	v.check("Close", start, 0, nil)
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 64<<20 {
		v.fatal("%d bytes were allocated", n)
	}
}

// build makes a bus with two topics and some frames in the first.
func (v *wrecker) build() {
	x := v.next(1)
	v.shape = bus.TopicOptions{Slots: 4 << (x & 3), Policy: bus.Policy(x >> 2 & 1), Exclusive: x>>3&7 == 0, MaxPublishers: 2, MaxSubscribers: 5}
	b, err := bus.Open(v.dir, bus.WithMaxParticipants(4))
	noError(v.t, err)
	noError(v.t, b.CreateTopic("t", v.shape))
	noError(v.t, b.CreateTopic("other", v.shape))
	p := publisher(v.t, b, "t")
	for range x >> 6 * 5 {
		noError(v.t, p.Publish(soon(v.t), v.payload(int(x)&63)))
	}
	noError(v.t, b.Close())
	for i, ext := range []string{".seg", ".bell", ".lease"} {
		v.files[i], err = os.OpenFile(filepath.Join(v.dir, "main"+ext), os.O_RDWR, 0)
		noError(v.t, err)
		st, err := v.files[i].Stat()
		noError(v.t, err)
		v.sizes[i] = st.Size()
	}
	v.head = make([]byte, 256)
	_, err = v.files[0].ReadAt(v.head, 0)
	noError(v.t, err)
	v.region = int64(v.word(80))
	g, err := topics.Geometry{Slots: v.shape.Slots, Exclusive: v.shape.Exclusive, Publishers: 2, Subscriptions: 5}.Normal()
	noError(v.t, err)
	v.areas = g.Areas(os.Getpagesize())
}

// word is a word of the header.
func (v *wrecker) word(off int) uint64 { return binary.NativeEndian.Uint64(v.head[off:]) }

// payload is n bytes or a few more that carry their own checksum.
func (v *wrecker) payload(n int) []byte {
	v.sent++
	b := binary.LittleEndian.AppendUint64(make([]byte, 4), v.sent)
	for i := range n {
		b = append(b, byte(int(v.sent)+i))
	}
	binary.LittleEndian.PutUint32(b, crc32.ChecksumIEEE(b[4:]))
	return b
}

func (v *wrecker) open() {
	b, err := bus.Open(v.dir)
	noError(v.t, err)
	v.b = b
}

func (v *wrecker) within(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	v.t.Cleanup(cancel)
	return ctx
}

func (v *wrecker) act() {
	op := v.next(1)
	start := time.Now()
	patience := []time.Duration{0, 0, time.Millisecond, 25 * time.Millisecond}[op>>4&3]
	switch op & 15 {
	case 0, 1, 2, 3:
		v.overwrite()
	case 4:
		p, err := v.b.Publisher("t", bus.WithTopic(v.shape))
		if v.check("Publisher", start, 0, err) {
			v.pubs = append(v.pubs, p)
		}
	case 5:
		mode := readerModes[v.pick(len(readerModes))]
		starts := [][]bus.SubscribeOption{nil, {bus.FromOldest()}, {bus.LastN(3)}, {bus.FromPosition(v.next(1))}, {bus.WaitForTopic()}}
		opts := append(bytesOf(mode.opts), starts[v.pick(len(starts))]...)
		s, err := v.b.Subscribe(v.within(patience), "t", opts...)
		if v.check("Subscribe "+mode.name, start, patience, err) {
			v.subs = append(v.subs, &wreckedSub{Subscriber: s, last: -1})
		}
	case 6, 7, 8:
		v.publish(patience)
	case 9, 10, 11:
		v.receive(patience)
	case 12:
		_, err := v.b.Topics()
		v.check("Topics", start, 0, err)
		_, err = v.b.Stat("t")
		v.check("Stat", start, 0, err)
		_, err = v.b.Doctor()
		v.check("Doctor", start, 0, err)
		_, err = v.b.Participants()
		v.check("Participants", start, 0, err)
		_, err = v.b.Reap()
		v.check("Reap", start, 0, err)
	case 13:
		name := []string{"t", "u"}[v.pick(2)]
		v.check("CreateTopic", start, 0, v.b.CreateTopic(name, v.shape))
	case 14:
		if op>>4&3 == 0 {
			v.check("RemoveTopic", start, 0, v.b.RemoveTopic([]string{"t", "u", "other"}[v.pick(3)]))
		}
	case 15:
		v.leave(op >> 4)
	}
}

func bytesOf(o []bus.SubscribeOption) []bus.SubscribeOption {
	return append([]bus.SubscribeOption(nil), o...)
}

func (v *wrecker) publish(patience time.Duration) {
	if len(v.pubs) == 0 {
		return
	}
	p := v.pubs[v.pick(len(v.pubs))]
	b := v.payload(v.pick(200))
	start := time.Now()
	ctx := v.within(patience)
	switch v.pick(6) {
	case 0, 1:
		v.check("Publish", start, patience, p.Publish(ctx, b))
	case 2:
		v.check("TryPublish", start, 0, p.TryPublish(b))
	case 3:
		_, err := p.PublishBatch(ctx, [][]byte{b, v.payload(3), v.payload(70)})
		v.check("PublishBatch", start, patience, err)
	case 4:
		l, err := p.Loan(ctx, len(b))
		if !v.check("Loan", start, patience, err) {
			return
		}
		copy(l.Bytes(), b)
		if v.pick(3) == 0 {
			l.Abort()
		} else {
			v.check("Commit", start, patience, l.Commit())
		}
	case 5:
		v.check("Encode", start, patience, p.Encode(ctx, b))
	}
}

func (v *wrecker) receive(patience time.Duration) {
	if len(v.subs) == 0 {
		return
	}
	s := v.subs[v.pick(len(v.subs))]
	start := time.Now()
	var f *bus.Frame
	var err error
	if patience == 0 {
		f, err = s.TryReceive()
	} else {
		f, err = s.Receive(v.within(patience))
	}
	if !v.check("receive", start, patience, err) || f == nil {
		return
	}
	b := f.Bytes()
	if len(b) > 1<<20 {
		v.fatal("a frame of %d bytes", len(b))
	}
	data := bytes.Clone(b)
	if !v.hurt && f.Kind() == bus.KindRaw && (len(data) < 4 || binary.LittleEndian.Uint32(data) != crc32.ChecksumIEEE(data[4:])) {
		v.fatal("frame %d of %d bytes is torn", f.Position(), len(data))
	}
	if pos := int64(f.Position()); pos <= s.last && !v.hurt {
		v.fatal("frame %d after %d", pos, s.last)
	} else {
		s.last = pos
	}
	v.seen["frame"]++
	if s.held = append(s.held, f); len(s.held) > 2 {
		s.held[0].Release()
		s.held = s.held[1:]
	}
}

// leave looks at counts, and closes something.
func (v *wrecker) leave(op uint64) {
	if len(v.subs) > 0 {
		i := v.pick(len(v.subs))
		s := v.subs[i]
		s.Stats()
		s.LostBy()
		if op&7 == 5 {
			if err := v.b.Kick("t", v.next(1)&7); !errors.Is(err, fs.ErrNotExist) {
				v.check("Kick", time.Now(), 0, err)
			}
		}
		if op&3 == 1 {
			for _, f := range s.held {
				f.Release()
			}
			_ = s.Close()
			v.subs = append(v.subs[:i], v.subs[i+1:]...)
		}
	}
	if len(v.pubs) > 0 && op&3 == 2 {
		_ = v.pubs[0].Close()
		v.pubs = v.pubs[1:]
	}
	if op&7 == 3 {
		v.b.Close()
		v.pubs, v.subs = nil, nil
		v.open()
	}
}
