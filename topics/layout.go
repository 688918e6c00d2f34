package topics

import (
	"shmbus/internal/mem"
)

// A topic's region, in bytes from its start. Each area starts on a page of its own, so that each can have its own protection.
//
//	+----------------+  0
//	| control        |  tail line | head line | counters line | geometry line
//	+----------------+  page
//	| writers        |  one 64-byte line per publisher
//	+----------------+
//	| gates          |  one 64-byte line per subscription
//	+----------------+  Areas.Stamps: writable up to here for subscribers
//	| stamps         |  n descriptors of 64 bytes
//	+----------------+  Areas.Cells
//	| cells          |  n payload cells
//	+----------------+  Areas.Size
//
// docs/LAYOUT.md has the same picture; layout_test.go pins every offset.
const lineSize = 64

// control is the first area.
//
// tail: the next position to claim. Writers CAS it, a sole one stores it; pairs with every load of it.
//
// head: the oldest position still readable (52 bits) and the membership count (12 bits). Writers CAS the position up, joining
// gates CAS the count up, removal CASes the position to the tombstone.
//
// sole: the key of the publisher that stores the tail, and with bit 0 set while that is being taken from it; 0: all publishers CAS the tail. A
// publisher that has been alone CASes it from 0, and who comes sets the bit and clears the word, by CAS. See sole.go.
//
// turn: line+1 of the publisher that waits first, 0 for nobody. Fairness only: nothing is unsafe when it is ignored.
//
// publishers, subscriptions: ids handed out so far, by Add.
//
// groups: owner of who is making a group; 0 nobody. It makes a group of a name one, and nothing else.
//
// The last line is written once by Format, before the topic table publishes the region, and never changed.
type control struct {
	tail mem.Word
	_    [lineSize - 8]byte

	head mem.Word
	turn mem.Word
	sole mem.Word
	_    [lineSize - 24]byte

	publishers    mem.Word
	subscriptions mem.Word
	groups        mem.Word
	_             [lineSize - 24]byte

	magic  mem.Plain
	slots  mem.Plain
	cell   mem.Plain
	flags  mem.Plain // bit 0 lossless, bit 1 exclusive, bit 2 no time
	lines  mem.Plain // publishers | subscriptions << 32
	page   mem.Plain
	made   mem.Plain // Unix nanoseconds
	_spare mem.Plain
}

// writerLine is what one publisher holds. Only its owner stores to it, except that a reaper takes a dead owner's place by CAS on
// owner and is the owner from then on.
//
// owner: who holds the line; 0 nobody.
//
// claim, length: the announced claim [claim-1, claim-1+length); claim 0: none, and one of one slot whose frame is there is none either. length is stored
// before claim; a reaper loads claim, length, claim. A position may be announced again, with another length, only if it was not taken before.
//
// last, frames: position of the newest committed frame, or the first of the newest run, and how many there ever were on this line, across its owners. last is
// stored before frames and both before the stamp; readers load frames before last, so last is at least as new as frames.
//
// publisher: id of the owner's publisher. bytes: payload bytes ever committed on this line, across its owners, see makeBytes. blocked:
// nanoseconds the owner's publisher has waited. The last two are for people.
type writerLine struct {
	owner     mem.Word
	claim     mem.Word
	length    mem.Word
	last      mem.Word
	frames    mem.Word
	publisher mem.Word
	bytes     mem.Word
	blocked   mem.Word
}

// eachShift is the bit of a line's word bytes where it is said how many bytes each frame adds that is counted from then on.
const eachShift = 57

const mostBytes = 1<<eachShift - 1 // that a line counts; then it begins again

var _ [1<<(64-eachShift) - 1 - mostShort]struct{} // mostShort fits above

// makeBytes is the word bytes of a line with so many payload bytes in so many frames, where each further frame has each more. So a publisher need not store it
// while its frames have one length of up to mostShort, as in a run that grows.
func makeBytes(sent, frames, each uint64) uint64 {
	return each<<eachShift | (sent-frames*each)&mostBytes
}

// sent is how many payload bytes the line has counted.
func (l *writerLine) sent() uint64 {
	for tries := 0; ; tries++ {
		b := l.bytes.Load()
		sent := (b + l.frames.Load()*(b>>eachShift)) & mostBytes
		if l.bytes.Load() == b || tries > 16 {
			return sent
		}
	}
}

// gateLine is what one subscription holds, or one group, or one member of a group; owned as a writerLine is. The owner of a group is
// ownerGroup: it belongs to its members together.
//
// state: position << 2 | kind, in one word, so that whoever walks the table for the lowest gate needs one load a line. Pairs with
// the walk in lowestGate. Kind 0: the line bars nobody, except by its pin.
//
// pin: of a member, the position that it is taking or has in hand, and whose it is; see makePin. 0: none. The head may not pass it.
//
// group: hash of the group's name, of a group and of its members; 0 for broadcast subscriptions. It is stored last when a member joins
// and cleared before the owner.
//
// attempts: of a member, how often its frame has been handed out by now, stored before the pin.
//
// subscription: id of the owner's subscription. received, lost: for people. A group has its name in the words name says.
type gateLine struct {
	owner        mem.Word
	state        mem.Word
	subscription mem.Word
	received     mem.Word
	lost         mem.Word
	pin          mem.Word
	group        mem.Word
	attempts     mem.Word
}

// slot is a descriptor. Everything but the stamp is stored before the stamp by the frame's writer and loaded after it. spare means nothing, and nobody loads it: who
// takes the line stores to it.
type slot struct {
	stamp mem.Word
	description
	spare mem.Plain
	_     mem.Plain
}

// description is what a descriptor says of its frame.
type description struct {
	publisher mem.Plain
	sequence  mem.Plain // of the publisher, from 1
	number    mem.Plain // of the line, from 0
	time      mem.Plain // Unix nanoseconds, 0 for none
	meta      mem.Plain // length (32 bits) | line << 32 (16 bits) | kind << 48 (8 bits) | flags << 56
}

const magicRing = 0x31474e4952626d73 // "smbRING1"

const (
	flagLossless  = 1
	flagExclusive = 2
	flagNoTime    = 4
)

// The head word.
const (
	positionBits = 52
	positionMask = 1<<positionBits - 1
	tombstone    = positionMask // above every position: a removed topic
	countOne     = 1 << positionBits
	maxPosition  = tombstone - 1<<31 // claims stop here: 142 years at a million slots a second
)

// Kinds in a gate line's state.
const (
	kindNone  = 0
	kindGate  = 1 // the head may not pass
	kindLossy = 2 // shown with its lag, bars nobody
	kindGroup = 3 // the cursor of a group: the head may not pass
	kindMask  = 3
)

// Owners that are no participants. Their generation is 0, so that nobody takes them for one who lives.
const (
	ownerGroup     = 1<<16 - 1 // of a group's line
	ownerAbandoned = 1<<16 - 2 // of a member's that left with a frame in hand
)

// makePin is a member's pin at pos: position + 1 in 52 bits, and above them the low bits of its subscription's id, which no other holder
// of the line has for its next 4096. So whoever found a dead member's pin can clear that one and no other.
func makePin(pos, subscription uint64) uint64 {
	return subscription<<positionBits | (pos+1)&positionMask
}

// pinned is the position of a pin that is not 0.
func pinned(pin uint64) uint64 { return pin&positionMask - 1 }

// States in a stamp.
const (
	committed = 1
	aborted   = 2
	// committedRun: each of the slots is a committed frame, described by the first.
	committedRun = 3
)

// makeStamp is the stamp of the frame or hole at pos that covers span slots of a ring with the given mask.
func makeStamp(pos, span, mask, state uint64) uint64 { return (pos&^mask|span)<<2 | state }

// resolved says whether stamp st stands for position pos, and how many slots it covers. A stamp with an impossible span does
// not: it is nothing that a writer stores.
func resolved(st, pos, mask uint64) (span uint64, ok bool) {
	return st >> 2 & mask, (st>>2^pos)&^mask == 0 && possible(st, pos, mask)
}

// possible says whether a stamp's state and span are such as writers store for the slot of pos.
func possible(st, pos, mask uint64) bool {
	span, most := st>>2&mask, mask+1-pos&mask
	if st&3 == committedRun {
		most = min(most, mostRun-pos%mostRun)
	}
	return st&3 != 0 && span-1 < most // 1 up to most
}
