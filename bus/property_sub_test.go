package bus_test

import (
	"bytes"
	"context"
	"testing"

	"pgregory.net/rapid"

	"shmbus/bus"
)

func TestEveryHistoryIsWhatTheModelSays(t *testing.T) { testHistories(t) }

// join lets a subscriber join at the newest: it sees what is not committed yet, and what comes.
func (h *history) join(t *rapid.T) {
	names := []string{"lossy", "tap"}
	if h.lossless {
		names = append(names, "lossless", "lossless")
	}
	mode := rapid.SampledFrom(names).Draw(t, "mode")
	var s *bus.Subscriber
	var err error
	s, err = h.b.Subscribe(context.Background(), h.topic, modes[mode])
	if len(h.subs) >= 4 && err != nil {
		is(t, err, bus.ErrLimit)
		return
	}
	h.ok(err)
	at := h.tail // or the oldest open loan
	for _, p := range h.pubs {
		if p.loan != nil {
			at = min(at, p.at)
		}
	}
	next := 0
	for next < len(h.frames) && h.frames[next].pos < at {
		next++
	}
	// Frames committed behind an open loan are read, too: they come after it.
	h.subs = append(h.subs, &modelSub{Subscriber: s, mode: mode, next: next, base: next})
	h.seen["join "+mode]++
}

func (h *history) part(t *rapid.T) {
	s := h.sub(t)
	h.check(s)
	h.ok(s.Close())
	for _, f := range s.held {
		f.Release()
	}
	for i := range h.subs {
		if h.subs[i] == s {
			h.subs = append(h.subs[:i], h.subs[i+1:]...)
			break
		}
	}
	h.seen["leave"]++
}

// receive takes a frame if there is one, which must be the next of the model, or a later one if some were lost.
func (h *history) receive(t *rapid.T) {
	s := h.sub(t)
	h.take(s)
	if rapid.IntRange(0, 3).Draw(t, "release") == 3 || s.mode != "lossless" && len(s.held) > 20 {
		h.releaseOne(s, 0)
	}
}

func (h *history) take(s *modelSub) bool {
	f, err := s.TryReceive()
	h.ok(err)
	if f == nil {
		return false
	}
	i := s.next
	for i < len(h.frames) && h.frames[i].pos != f.Position() {
		i++
	}
	if i == len(h.frames) {
		h.fail("%s got position %d, which nobody published", s.mode, f.Position())
	}
	if i > s.next {
		h.seen["lap"]++
		if s.mode == "lossless" {
			h.fail("a lossless subscriber got frame %d, not %d", i, s.next)
		}
	}
	want := h.frames[i]
	if f.Publisher() != want.id || f.Sequence() != want.seq || !bytes.Equal(f.Bytes(), want.data) {
		h.fail("%s got frame %d of %d with %d bytes, want %d of %d with %d", s.mode, f.Sequence(), f.Publisher(), len(f.Bytes()),
			want.seq, want.id, len(want.data))
	}
	s.next = i + 1
	s.got++
	s.held, s.is = append(s.held, f), append(s.is, want)
	h.check(s)
	return true
}

// check compares the counts. A loss may become known later, with the next frame of its publisher, but nothing is lost that was not.
func (h *history) check(s *modelSub) {
	lost := s.Lost()
	if most := uint64(len(h.frames) - s.base - s.got); lost > most {
		h.fail("%s: %d lost, at most %d can be", s.mode, lost, most)
	}
	if s.mode == "lossless" && lost != 0 {
		h.fail("a lossless subscriber has lost %d", lost)
	}
}

func (h *history) release(t *rapid.T) {
	s := h.sub(t)
	if len(s.held) == 0 {
		t.Skip("nothing is held")
	}
	h.releaseOne(s, len(s.held)-1-rapid.IntRange(0, len(s.held)-1).Draw(t, "from the newest"))
}

// releaseOne releases a frame, which must still be what it was.
func (h *history) releaseOne(s *modelSub, i int) {
	if len(s.held) == 0 {
		return
	}
	h.seen["held frame"]++
	if i > 0 {
		h.seen["release out of order"]++
	}
	f := s.held[i]
	if !bytes.Equal(f.Bytes(), s.is[i].data) {
		h.fail("%s: a frame held has changed", s.mode)
	}
	f.Release()
	s.held = append(s.held[:i:i], s.held[i+1:]...)
	s.is = append(s.is[:i:i], s.is[i+1:]...)
}

// finish ends all loans and reads everything: all frames were received or lost, and there is room again.
func (h *history) finish() {
	for _, p := range h.pubs {
		if p.loan != nil {
			p.loan.Abort()
			p.loan = nil
		}
	}
	for _, s := range h.subs {
		for {
			for len(s.held) > 0 {
				h.releaseOne(s, 0)
			}
			if !h.take(s) {
				break
			}
		}
		if want := uint64(len(h.frames) - s.base - s.got); s.Lost() != want {
			h.fail("%s: %d received and %d lost of %d", s.mode, s.got, s.Lost(), len(h.frames)-s.base)
		}
		by := uint64(0)
		for _, n := range s.LostBy() {
			by += n
		}
		if by != s.Lost() {
			h.fail("%s: %d lost, %d by publishers", s.mode, s.Lost(), by)
		}
	}
	for _, p := range h.pubs {
		h.ok(p.TryPublish(make([]byte, p.MaxFrame())))
		for _, s := range h.subs {
			f, err := s.TryReceive()
			h.ok(err)
			if f == nil {
				h.fail("the last frame has not come")
			}
			f.Release()
			if f, err = s.TryReceive(); f != nil || err != nil { // tells where the gate is
				h.fail("a frame behind the last: %v", err)
			}
		}
	}
	if st, err := h.b.Stat(h.topic); err != nil || st.Frames != uint64(len(h.frames)+len(h.pubs)) {
		h.fail("%d frames are counted, %d were published: %v", st.Frames, len(h.frames)+len(h.pubs), err)
	}
}

// end leaves nothing behind.
func (h *history) end() {
	for _, s := range h.subs {
		h.ok(s.Close())
	}
	for _, p := range h.pubs {
		h.ok(p.Close())
	}
	h.ok(h.b.RemoveTopic(h.topic))
}
