package bus

import (
	"shmbus/internal/invariants"
	"shmbus/topics"
)

// A shelf holds a subscriber's frames in a circle: those that were handed out, oldest first; those that were read ahead; and then those to
// be used next, the one longest unused first, so that a frame that is wrongly used after Release stays as it was for as long as can be.
// There are no lists in it, because its work lies between a frame's arrival and the subscriber's answer.
type shelf struct {
	circle []*Frame        // a power of two of them
	infos  []*topics.Frame // theirs
	first  uint            // handed out, and perhaps held, or read ahead: [first, next), counted from the beginning
	next   uint
	last   []*Frame // those of them that were read last, at once
	given  uint     // how many of these were handed out; the others were read ahead
	kept   int      // how many were read and not released; means nothing where frames are copies
}

// shelfSize is how many frames a shelf has to begin with; most subscriptions need no more.
const shelfSize = 4

// room is for frames of a lossless subscription, which come next: at least one, and n if they are neither held nor round the end. All
// that was read before must have been handed out.
func (h *shelf) room(s *Subscriber, n int) []*topics.Frame {
	if invariants.Enabled {
		invariants.Check(!h.some(), "frames are read ahead while there are some")
	}
	h.oldest()
	if len(h.circle) < n+int(h.next-h.first) {
		h.more(s)
	}
	size := uint(len(h.circle))
	i, free := h.next&(size-1), size-(h.next-h.first)
	end := min(i+min(uint(n), free), size)
	h.last, h.given = h.circle[i:i:end], 0
	return h.infos[i:end]
}

// frame is the frame to be used next, or nil if that is still held: then more makes one. It stays that until put.
func (h *shelf) frame() *Frame {
	if i := h.next & uint(len(h.circle)-1); i < uint(len(h.circle)) && !h.circle[i].info.Held {
		return h.circle[i]
	}
	return nil
}

// more makes new frames where the next one is still held, or too few are not. A lossless subscription needs all it has handed out, to know which is the
// oldest. Any other lets go of a frame that is held for long, and makes more only when most are held.
func (h *shelf) more(s *Subscriber) *Frame {
	n := uint(len(h.circle))
	if n != 0 && !s.borrows() && 2*h.held() <= len(h.circle) {
		f := &Frame{sub: s}
		h.circle[h.next&(n-1)], h.infos[h.next&(n-1)] = f, &f.info
		return f
	}
	circle := make([]*Frame, max(shelfSize, 2*n))
	fresh := make([]Frame, uint(len(circle))-n)
	for i := range fresh {
		fresh[i].sub, fresh[i].port = s, s.port
		circle[(h.next+uint(i))&uint(len(circle)-1)] = &fresh[i]
	}
	for i := range n {
		at := h.next - n + i
		circle[at&uint(len(circle)-1)] = h.circle[at&(n-1)]
	}
	h.infos = make([]*topics.Frame, len(circle))
	for i, f := range circle {
		h.infos[i] = &f.info
	}
	h.circle = circle
	return &fresh[0]
}

// filled says that the first n of a room were read.
func (h *shelf) filled(n int) {
	h.last = h.last[:n]
	h.next += uint(n)
	h.kept += n
}

// put says that the frame to be used next was read. What was handed out before all of the circle is not in it any more.
func (h *shelf) put() {
	i := h.next & uint(len(h.circle)-1)
	h.last, h.given = h.circle[i:i+1], 0
	h.next++
	h.kept++
	if size := uint(len(h.circle)); h.next-h.first > size {
		h.first = h.next - size
	}
}

// ahead is how many frames were read and not handed out yet.
func (h *shelf) ahead() int { return len(h.last) - int(h.given) }

// some says whether there is one.
func (h *shelf) some() bool { return h.given < uint(len(h.last)) }

// hand hands out the next frame that was read, or nil.
func (h *shelf) hand() *Frame {
	if !h.some() {
		return nil
	}
	return h.pop()
}

// peek is the next frame that was read. There must be one.
func (h *shelf) peek() *Frame { return h.last[h.given] }

// pop hands out the next frame that was read. There must be one.
func (h *shelf) pop() *Frame {
	f := h.peek()
	h.given++
	return f
}

// popMany hands out as many frames that were read as fs has room for, and says how many.
func (h *shelf) popMany(fs []*Frame) int {
	n := copy(fs, h.last[h.given:])
	h.given += uint(n)
	return n
}

// upTo is how many of the next n frames that were read there are up to the first of more than so many bytes.
func (h *shelf) upTo(bytes, n int) int {
	for i, f := range h.last[h.given:][:n] {
		if f.info.Length() > bytes {
			return i + 1
		}
	}
	return n
}

// oldest is the oldest frame read and not released, or nil.
func (h *shelf) oldest() *Frame {
	if h.kept == 0 { // most often: then they need not be looked at
		h.first = h.next
		return nil
	}
	for mask := uint(len(h.circle) - 1); h.first != h.next; h.first++ {
		if f := h.circle[h.first&mask]; f.info.Held {
			return f
		}
	}
	return nil
}

// held is how many frames are held.
func (h *shelf) held() (n int) {
	for _, f := range h.circle {
		if f.info.Held {
			n++
		}
	}
	return n
}

// leave forgets all frames, and says how many were handed out and are held.
func (h *shelf) leave() (n int) {
	for i := h.first; i != h.next-uint(h.ahead()); i++ {
		if h.circle[i&uint(len(h.circle)-1)].info.Held {
			n++
		}
	}
	*h = shelf{}
	return n
}
