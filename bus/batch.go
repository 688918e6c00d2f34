package bus

import (
	"context"

	"shmbus/internal/invariants"
)

// ReceiveBatch waits for the next frame as Receive does, takes along those that are there behind it, and says how many are in fs then. It waits
// for one frame only, and goes on until fs is full or there is no more; a member of a group gets one. Release each when it is no longer needed:
// until then a lossless subscription holds publishers back. Errors are as for Receive, and then no frame was received. With an empty fs it does
// nothing.
func (s *Subscriber) ReceiveBatch(ctx context.Context, fs []*Frame) (int, error) {
	n := s.handOut(fs)
	if n == 0 && len(fs) > 0 {
		f, err := s.come(ctx)
		if err != nil {
			return 0, err
		}
		fs[0], n = f, 1
	}
	for n < len(fs) {
		if more := s.handOut(fs[n:]); more > 0 {
			n += more
			continue
		}
		f := s.now()
		if f == nil {
			break // an error comes again
		}
		fs[n] = f
		n++
	}
	return n, nil
}

// handOut hands out frames that were read ahead, and says how many. It looks at nothing shared.
func (s *Subscriber) handOut(fs []*Frame) int {
	n := min(s.shelf.ahead(), len(fs))
	if n == 0 || s.state.Load() != portOpen {
		return 0
	}
	if invariants.Enabled {
		s.guard.Enter("a Subscriber")
		defer s.guard.Leave()
	}
	return s.shelf.popMany(fs[:n])
}
