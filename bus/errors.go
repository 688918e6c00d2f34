package bus

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"shmbus/segment"
	"shmbus/topics"
)

// What can go wrong. Every error this package returns names what was tried, on which topic, and what to do; compare with
// errors.Is.
var (
	// ErrBackpressure: there is no room now, and the call was asked not to wait.
	ErrBackpressure = errors.New("no room in the ring")
	// ErrBusy: the publisher has a loan open, or the member of a group its frame in hand.
	ErrBusy = errors.New("busy")
	// ErrClosed: the bus, publisher, subscriber or loan has been closed. It is os.ErrClosed.
	ErrClosed error = closedError{}
	// ErrCorrupt: a file of the bus holds what no correct participant writes.
	ErrCorrupt = errors.New("corrupt")
	// ErrExclusive: the topic takes one publisher, and has it.
	ErrExclusive = errors.New("the topic has its one publisher")
	// ErrFrameTooLarge: the frame is larger than half the ring.
	ErrFrameTooLarge = errors.New("frame too large")
	// ErrKicked: the lossless subscription was ended from outside, with Kick, because it held others up. What it had in hand may have
	// been overwritten, and so may the last few frames before this error, which it had read ahead.
	ErrKicked = errors.New("kicked")
	// ErrLimit: a table is full: topics, participants, publishers or subscriptions.
	ErrLimit = errors.New("limit reached")
	// ErrName: a topic's or segment's name is not allowed.
	ErrName = errors.New("bad name")
	// ErrNested: arrays and maps of the value lie in each other more than MaxNesting deep.
	ErrNested = errors.New("nested too deep")
	// ErrNoTopic: there is no such topic, or it has been removed.
	ErrNoTopic = errors.New("no such topic")
	// ErrPolicy: the topic's policy is another one than was asked for.
	ErrPolicy = errors.New("wrong policy")
	// ErrReserved: topics under "$bus/" are for busd.
	ErrReserved = errors.New("reserved for busd")
	// ErrVersion: the segment was made by a version of this library with another layout.
	ErrVersion = errors.New("another layout version")
)

type closedError struct{}

func (closedError) Error() string        { return "closed" }
func (closedError) Is(target error) bool { return target == os.ErrClosed }

// opError is an error of this package: "bus: publish to \"a/b\": no room ...; hint".
type opError struct {
	op, topic string
	kind      error // one of the errors above, or nil
	cause     error // what lower layers said, or nil
	hint      string
}

func (e *opError) Error() string {
	s := "bus: " + e.op
	if e.topic != "" || errors.Is(e.cause, topics.ErrName) { // the name may be empty, and be what is wrong
		s += " " + quote(e.topic)
	}
	switch {
	case e.cause != nil:
		s += ": " + e.cause.Error()
	case e.kind != nil:
		s += ": " + e.kind.Error()
	}
	if e.hint != "" {
		s += "; " + e.hint
	}
	return s
}

func (e *opError) Unwrap() []error {
	var all []error
	if e.kind != nil {
		all = append(all, e.kind)
	}
	if e.cause != nil {
		all = append(all, e.cause)
	}
	return all
}

// kinds maps what lower layers say to the errors of this package, with what to do about it.
var kinds = []struct {
	from, to error
	hint     string
}{
	{topics.ErrTable, ErrCorrupt, "stop its users, then remove the segment's files"},
	{topics.ErrCorrupt, ErrCorrupt, "stop its users, then remove the segment's files, or the topic"},
	{segment.ErrCorrupt, ErrCorrupt, "stop its users, then remove the segment's files"},
	{segment.ErrNotSegment, ErrCorrupt, "move the file away"},
	{segment.ErrTruncated, ErrCorrupt, "stop its users, then remove the segment's files"},
	{segment.ErrByteOrder, ErrVersion, "it was made on a machine of another byte order"},
	{segment.ErrPageSize, ErrVersion, "it was made with another page size"},
	{segment.ErrVersion, ErrVersion, "stop the users of the older version, then remove the segment's files, or upgrade them"},
	{topics.ErrRemoved, ErrNoTopic, "open it again when it has been made again"},
	{topics.ErrNoTopic, ErrNoTopic, ""},
	{topics.ErrTooLarge, ErrFrameTooLarge, ""},
	{topics.ErrPolicy, ErrPolicy, ""},
	{topics.ErrTableFull, ErrLimit, "remove topics nobody uses, or name another segment with WithSegment"},
	{topics.ErrName, ErrName, ""},
	{topics.ErrKicked, ErrKicked, "frames still held may have been overwritten; close it, and subscribe again"},
	{segment.ErrParticipants, ErrLimit, "close some, subscribe with ReadOnly, or make the segment with a larger WithMaxParticipants"},
	{os.ErrClosed, ErrClosed, ""},
	{segment.ErrLockHeld, nil, "let that process go on, or end it"},
	{segment.ErrTableHeld, nil, "let that process go on, or end it"},
	{syscall.ENOTDIR, nil, "a bus is a directory, which is made if it is not there: name another path"},
	{syscall.EROFS, nil, "mount it for writing"},
	{fs.ErrPermission, nil, "the owner of the bus directory says who may use it, by its mode and its group (mkdir -m, chgrp) before the bus is made"},
}

// fail is err as an error of this package. An opError passes unchanged.
func fail(op, topic string, err error) error {
	if err == nil {
		return nil
	}
	if e := (*opError)(nil); errors.As(err, &e) {
		return err
	}
	e := &opError{op: op, topic: topic, cause: err}
	for _, k := range kinds {
		if errors.Is(err, k.from) {
			e.kind, e.hint = k.to, k.hint
			break
		}
	}
	return e
}

// failKind is an error of the given kind with a hint.
func failKind(op, topic string, kind error, hint string) error {
	return &opError{op: op, topic: topic, kind: kind, hint: hint}
}
