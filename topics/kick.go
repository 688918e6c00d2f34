package topics

import "errors"

// ErrKicked: the subscription was ended by somebody else, with Kick.
var ErrKicked = errors.New("the subscription was ended from outside, because it held others up")

// Kick ends the lossless subscription of that id, as its holder would, though it lives: it does not hold the head back any more. Its holder
// finds out with its next call; what it has in hand then may be overwritten under its eyes. It reports whether there was one. The caller
// rings both bells.
//
// The line stays its holder's. Only its state changes, by a CAS, and the holder stores its cursor by a CAS as well. The state is loaded before the
// subscription: so the CAS fails if the line has gone to another since, unless that one has come to stand exactly there.
func (r *Ring) Kick(subscription uint64) bool {
	for i := range r.gates {
		l := &r.gates[i]
		for {
			st := l.state.Load()
			if st&kindMask != kindGate || l.owner.Load() == 0 || l.subscription.Load() != subscription {
				break
			}
			if l.state.CompareAndSwap(st, st&^kindMask|kindNone) {
				return true
			}
		}
	}
	return false
}

// barred is nil as long as a gate's line says what the gate has stored there: it bars the head.
func (r *Reader) barred() error {
	if r.kind != kindGate || r.line == nil {
		return nil
	}
	if st := r.line.state.Load(); st != r.stored<<2|kindGate {
		return r.ousted(st)
	}
	return nil
}

// ousted is the error of a gate whose line says st, which is not what it has stored there. One that was kicked keeps its line.
func (r *Reader) ousted(st uint64) error {
	if !r.mine() {
		return r.disowned()
	}
	if st == r.stored<<2|kindNone {
		return ErrKicked
	}
	return corrupt("a subscription's line, whose cursor", st)
}
