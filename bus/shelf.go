package bus

// A shelf holds a subscriber's frames in a circle: those that were handed out, oldest first; those that were read ahead; and then those to
// be used next, the one longest unused first, so that a frame that is wrongly used after Release stays as it was for as long as can be.
// There are no lists in it, because its work lies between a frame's arrival and the subscriber's answer.
type shelf struct {
	circle []*Frame // a power of two of them
	first  uint     // handed out, and perhaps held: [first, given), counted from the beginning
	given  uint     // read ahead: [given, next)
	next   uint
}

// shelfSize is how many frames a shelf has to begin with; most subscriptions need no more.
const shelfSize = 4

// frame is the frame to be used next, or nil if that is still held: then more makes one. It stays that until took.
func (h *shelf) frame() *Frame {
	if i := h.next & uint(len(h.circle)-1); i < uint(len(h.circle)) && !h.circle[i].held {
		return h.circle[i]
	}
	return nil
}

// more makes new frames where the next one is still held. A lossless subscription needs all it has handed out, to know which is the
// oldest. Any other lets go of a frame that is held for long, and makes more only when most are held.
func (h *shelf) more(s *Subscriber) *Frame {
	n := uint(len(h.circle))
	if n != 0 && !s.borrows() && 2*h.held() <= len(h.circle) {
		f := &Frame{sub: s}
		h.circle[h.next&(n-1)] = f
		return f
	}
	circle := make([]*Frame, max(shelfSize, 2*n))
	fresh := make([]Frame, uint(len(circle))-n)
	for i := range fresh {
		fresh[i].sub = s
		circle[(h.next+uint(i))&uint(len(circle)-1)] = &fresh[i]
	}
	for i := range n {
		at := h.next - n + i
		circle[at&uint(len(circle)-1)] = h.circle[at&(n-1)]
	}
	h.circle = circle
	return &fresh[0]
}

// put says that the frame was read. If it was the oldest one's place, that one is not held.
func (h *shelf) put() {
	if h.next-h.first == uint(len(h.circle)) {
		h.first++
	}
	h.next++
}

// ahead is how many frames were read and not handed out yet.
func (h *shelf) ahead() int { return int(h.next - h.given) }

// hand hands out the next frame that was read, or nil.
func (h *shelf) hand() *Frame {
	if h.given == h.next {
		return nil
	}
	f := h.circle[h.given&uint(len(h.circle)-1)]
	h.given++
	f.uses++
	return f
}

// oldest is the oldest frame read and not released, or nil.
func (h *shelf) oldest() *Frame {
	for mask := uint(len(h.circle) - 1); h.first != h.next; h.first++ {
		if f := h.circle[h.first&mask]; f.held {
			return f
		}
	}
	return nil
}

// held is how many frames are held.
func (h *shelf) held() (n int) {
	for _, f := range h.circle {
		if f.held {
			n++
		}
	}
	return n
}

// leave forgets all frames, and says how many were handed out and are held.
func (h *shelf) leave() (n int) {
	for i := h.first; i != h.given; i++ {
		if h.circle[i&uint(len(h.circle)-1)].held {
			n++
		}
	}
	*h = shelf{}
	return n
}
