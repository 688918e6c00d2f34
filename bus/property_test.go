package bus_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"shmbus/bus"
)

// Random histories of one topic against a plain model: a list of frames.

// happened counts what has happened in all histories of a run.
type happened map[string]int

var mustHappen = []string{
	"publish", "batch", "commit", "abort", "wrap", "padding", "lap", "join lossless", "join lossy", "join tap", "leave",
	"publisher comes", "publisher leaves", "backpressure", "too large", "held frame", "release out of order",
}

// modelFrame is a frame that was published.
type modelFrame struct {
	pos, id, seq uint64
	data         []byte
}

type modelSub struct {
	*bus.Subscriber
	mode string
	next int // of the model's frames
	base int // the first it may see
	got  int
	held []*bus.Frame
	is   []modelFrame // what is held
}

type modelPub struct {
	*bus.Publisher
	seq  uint64
	loan *bus.Loan
	at   uint64 // position of the loan
}

// history is one topic and what the model knows of it.
type history struct {
	t        *rapid.T
	b        *bus.Bus
	topic    string
	slots    uint64
	lossless bool
	seen     happened
	tail     uint64
	frames   []modelFrame
	pubs     []*modelPub
	subs     []*modelSub
	stamp    byte
}

// claim is where the model says a frame of n bytes goes.
func (h *history) claim(n int) (pos uint64) {
	span := uint64(max(1, (n+63)/64))
	if pad := h.slots - h.tail%h.slots; pad < span {
		h.tail += pad
		h.seen["padding"]++
	}
	pos = h.tail
	h.tail += span
	if pos/h.slots != h.tail/h.slots {
		h.seen["wrap"]++
	}
	return pos
}

func (h *history) data(n int) []byte {
	h.stamp++
	return bytes.Repeat([]byte{h.stamp}, n)
}

func (h *history) published(p *modelPub, pos uint64, data []byte) {
	p.seq++
	f := modelFrame{pos, p.ID(), p.seq, data}
	i, _ := slices.BinarySearchFunc(h.frames, pos, func(f modelFrame, pos uint64) int { return int(f.pos) - int(pos) })
	h.frames = slices.Insert(h.frames, i, f)
}

func (h *history) fail(format string, args ...any) { h.t.Fatalf(format, args...) }

func (h *history) ok(err error) {
	if err != nil {
		h.fail("%v", err)
	}
}

// open says whether anybody has a loan.
func (h *history) open() bool {
	return slices.ContainsFunc(h.pubs, func(p *modelPub) bool { return p.loan != nil })
}

func (h *history) barred() bool {
	return slices.ContainsFunc(h.subs, func(s *modelSub) bool { return s.mode == "lossless" })
}

// idle is a publisher without a loan.
func (h *history) idle(t *rapid.T) *modelPub {
	all := slices.DeleteFunc(slices.Clone(h.pubs), func(p *modelPub) bool { return p.loan != nil })
	if len(all) == 0 {
		t.Skip("no publisher is free")
	}
	return rapid.SampledFrom(all).Draw(t, "publisher")
}

func (h *history) sub(t *rapid.T) *modelSub {
	if len(h.subs) == 0 {
		t.Skip("no subscriber")
	}
	return rapid.SampledFrom(h.subs).Draw(t, "subscriber")
}

func (h *history) publish(t *rapid.T) {
	p := h.idle(t)
	n := rapid.IntRange(0, p.MaxFrame()).Draw(t, "bytes")
	data := h.data(n)
	err := p.TryPublish(data)
	if err == nil {
		h.published(p, h.claim(n), data)
		h.seen["publish"]++
		return
	}
	is(t, err, bus.ErrBackpressure)
	if !h.open() && !h.barred() {
		h.fail("no loan is open and there is no lossless subscriber: %v", err)
	}
	h.seen["backpressure"]++
}

func (h *history) batch(t *rapid.T) {
	p := h.idle(t)
	var all [][]byte
	for range rapid.IntRange(0, 4).Draw(t, "frames") {
		all = append(all, h.data(rapid.IntRange(0, p.MaxFrame()/3).Draw(t, "bytes")))
	}
	n, err := p.PublishBatch(done(), all) // waits for nothing
	for _, data := range all[:n] {
		h.published(p, h.claim(len(data)), data)
		h.seen["batch"]++
	}
	if err != nil && !h.open() && !h.barred() || err == nil && n != len(all) {
		h.fail("%d of a batch of %d: %v", n, len(all), err)
	}
}

func (h *history) tooLarge(t *rapid.T) {
	p := h.idle(t)
	is(t, p.TryPublish(make([]byte, p.MaxFrame()+1)), bus.ErrFrameTooLarge)
	h.seen["too large"]++
}

func (h *history) lend(t *rapid.T) {
	p := h.idle(t)
	n := rapid.IntRange(0, p.MaxFrame()/2).Draw(t, "bytes")
	l, err := p.Loan(done(), n)
	if err != nil {
		if !h.open() && !h.barred() {
			h.fail("no loan is open and there is no lossless subscriber: %v", err)
		}
		return
	}
	p.loan, p.at = l, h.claim(n)
}

func (h *history) giveBack(t *rapid.T) {
	for _, p := range h.pubs {
		if p.loan == nil {
			continue
		}
		if rapid.IntRange(0, 2).Draw(t, "abort") == 0 {
			p.loan.Abort()
			h.seen["abort"]++
		} else {
			data := h.data(rapid.IntRange(0, len(p.loan.Bytes())).Draw(t, "commit"))
			copy(p.loan.Bytes(), data)
			h.ok(p.loan.CommitN(len(data)))
			h.published(p, p.at, data)
			h.seen["commit"]++
		}
		p.loan = nil
		return
	}
	t.Skip("no loan is open")
}

func (h *history) publisherComes(t *rapid.T) {
	if len(h.pubs) == 4 {
		t.Skip("enough")
	}
	p, err := h.b.Publisher(h.topic)
	h.ok(err)
	h.pubs = append(h.pubs, &modelPub{Publisher: p})
	h.seen["publisher comes"]++
}

func (h *history) publisherLeaves(t *rapid.T) {
	if len(h.pubs) == 1 {
		t.Skip("the last one")
	}
	i := rapid.IntRange(0, len(h.pubs)-1).Draw(t, "publisher")
	h.ok(h.pubs[i].Close())
	h.pubs = slices.Delete(h.pubs, i, i+1)
	h.seen["publisher leaves"]++
}

func testHistories(t *testing.T) {
	seen := happened{}
	b := newBus(t)
	n := 0
	rounds := 8
	if long {
		rounds = 60
	}
	history := func(t *rapid.T) {
		n++
		h := &history{
			t: t, b: b, topic: fmt.Sprint("t", n), seen: seen,
			slots: uint64(1) << rapid.IntRange(1, 6).Draw(t, "slots"), lossless: rapid.Bool().Draw(t, "lossless"),
		}
		o := bus.TopicOptions{Slots: int(h.slots), MaxPublishers: 4, MaxSubscribers: 4}
		if h.lossless {
			o.Policy = bus.PolicyLossless
		}
		h.ok(b.CreateTopic(h.topic, o))
		defer h.end()
		h.publisherComes(t)
		t.Repeat(map[string]func(*rapid.T){
			"publish": h.publish, "publish too": h.publish, "batch": h.batch, "lend": h.lend, "give back": h.giveBack,
			"too large": h.tooLarge, "come": h.publisherComes, "leave": h.publisherLeaves, "join": h.join, "part": h.part,
			"receive": h.receive, "receive too": h.receive, "release": h.release,
		})
		h.finish()
	}
	rare := func(what string) bool { return seen[what] == 0 }
	for i := 0; i < rounds || i < rounds+50 && slices.ContainsFunc(mustHappen, rare); i++ { // what is rare need not come in a few rounds
		rapid.Check(t, history)
		if t.Failed() {
			break
		}
	}
	var text []string
	for _, what := range mustHappen {
		text = append(text, fmt.Sprintf("%s %d", what, seen[what]))
		if seen[what] == 0 {
			t.Errorf("it never happened: %s", what)
		}
	}
	t.Logf("%d histories: %s", n, strings.Join(text, ", "))
	fmt.Printf("bus histories: %d: %s\n", n, strings.Join(text, ", "))
}
