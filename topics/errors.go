package topics

import (
	"errors"
	"fmt"
)

// What the state machine answers when it cannot go on at once. They are states, not failures: the caller waits, or gives up.
var (
	// ErrEmpty: nothing more is committed at the reader's position.
	ErrEmpty = errors.New("no frame is waiting")
	// ErrHeldBySlot: the ring is full up to another publisher's open claim.
	ErrHeldBySlot = errors.New("another publisher has not finished a frame that was begun a lap ago")
	// ErrHeldByGate: the ring is full up to a lossless subscription.
	ErrHeldByGate = errors.New("a lossless subscription has not read on")
	// ErrHeldByTurn: another publisher waits for room and is first.
	ErrHeldByTurn = errors.New("another publisher waits for room and is first")
	// ErrHeldByClaim: another publisher, which was alone so far, is just claiming.
	ErrHeldByClaim = errors.New("another publisher, which was alone so far, is in the middle of a claim")
)

// Failures.
var (
	// ErrRemoved: the topic has been removed.
	ErrRemoved = errors.New("the topic has been removed")
	// ErrNoLine: all lines for publishers, or for subscriptions, are held by living participants.
	ErrNoLine = errors.New("no free line")
	// ErrTooLarge: the frame is larger than half the ring.
	ErrTooLarge = errors.New("frame too large")
	// ErrCorrupt: shared memory holds a value that no correct participant stores.
	ErrCorrupt = errors.New("corrupt")
	// ErrPolicy: a lossless subscription was asked of an overwrite topic.
	ErrPolicy = errors.New("wrong policy")
)

// corrupt is an ErrCorrupt that names the field.
func corrupt(field string, value uint64) error {
	return fmt.Errorf("%w: %s is %#x", ErrCorrupt, field, value)
}
