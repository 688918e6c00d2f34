// Package topics has topic names, the topic table of a segment, and the ring's state machine: how publishers claim, fill and commit
// frames, how readers find and release them, how the head moves, how loss is counted and how the dead are reaped.
//
// It makes no system call (but for the barrier of internal/fence, where a publisher begins or ends to be alone), never waits and has no unsafe code. What it cannot do at once it answers with a state (ErrHeldByGate and
// its like), and the caller waits, or the function to which Publish leaves it. docs/PROTOCOL.md has the argument why it is right.
//
// Reading order:
//
//	layout.go    the words of a topic's region: who stores and who loads each, and what it pairs with
//	geometry.go  sizes and areas
//	ring.go      a region opened: Format, OpenRing, Ring
//	claim.go     claim; kind.go how payloads are encoded
//	writer.go    taking a claim, filling, committing and aborting it; batches; publish.go all in one for small frames
//	run.go       frames of a batch under one stamp; grow.go those of a stream, which pace.go (pace_sched.go) says when to begin
//	sole.go      who stores the tail instead of CASing it
//	room.go      moving the head; gates; turns
//	reader.go    what all readers have in common, and copying; borrow.go borrowing
//	group.go     a cursor for several; member.go taking frames by it
//	lines.go     having lines before they are stored to; taking.go how readers help, distance.go where that is worth it
//	join.go      where readers start
//	loss.go      what readers missed
//	reap.go      what the dead held
//	kick.go      ending a gate that lives
//	sound.go     what nobody stores: corruption, where it would do harm; errors.go states and errors
//	table.go     the topic table; name.go its names, pattern.go patterns of them
//	info.go      what people are shown; examine.go what a doctor finds
package topics
