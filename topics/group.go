package topics

import (
	"errors"
	"fmt"
	"strconv"

	"shmbus/internal/mem"
)

// Groups: one cursor, shared by members, so that each frame goes to one of them. The cursor has a line of its own, which bars the head
// like a gate; so has each member, for its pin. A group is made by its first member and goes with its last.
// Where all members have died, or left frames behind, the group stays for a member to come, until somebody is held up by it.
//
//	group.go   making, joining and reaping groups
//	member.go  taking frames, and adopting those of dead members

// MaxGroupName is how many bytes a group's name may have.
const MaxGroupName = 32

// ErrGroupBusy: somebody else is just making or reaping the group. Try again.
var ErrGroupBusy = errors.New("the group is just being made or given back")

// CheckGroup says what is wrong with a group's name, if anything. It has the form of a topic's name, and at most MaxGroupName bytes.
func CheckGroup(name string) error {
	if len(name) > MaxGroupName {
		return fmt.Errorf("%w: a group's name has at most %d bytes, this one has %d", ErrName, MaxGroupName, len(name))
	}
	if err := CheckName(name); err != nil {
		return fmt.Errorf("a group's name has the form of a topic's: %w", err)
	}
	return nil
}

// name is the words of a group's line that hold its name, padded with zeros.
func (l *gateLine) name() [MaxGroupName / 8]*mem.Word {
	return [...]*mem.Word{&l.subscription, &l.received, &l.lost, &l.attempts}
}

func packName(name string) (words [MaxGroupName / 8]uint64) {
	for i := range len(name) {
		words[i/8] |= uint64(name[i]) << (i % 8 * 8)
	}
	return words
}

// isGroup says whether l is, or is to be, the line of that group.
func (l *gateLine) isGroup(hash uint64, name [MaxGroupName / 8]uint64) bool {
	if l.owner.Load() == 0 || l.state.Load()&kindMask != kindGroup || l.group.Load() != hash {
		return false
	}
	for i, w := range l.name() {
		if w.Load() != name[i] {
			return false
		}
	}
	return true
}

// groupName is the name of the group on l, for people: in quotes if it is none that a group may have, as anybody may have written it there.
func (l *gateLine) groupName() string {
	var b []byte
	for _, w := range l.name() {
		for v := w.Load(); v != 0; v >>= 8 {
			b = append(b, byte(v))
		}
	}
	name := string(b)
	if CheckGroup(name) != nil {
		return strconv.Quote(name)
	}
	return name
}

// NewMember joins the group of that name, and makes it if there is none; only then does start count. owner is as for NewReader. Errors:
// those of NewReader, ErrName, and ErrGroupBusy, upon which the caller tries again after a moment.
func (r *Ring) NewMember(name string, start Start, owner uint64) (*Reader, error) {
	if err := CheckGroup(name); err != nil {
		return nil, err
	}
	if r.geometry.Policy != PolicyLossless {
		return nil, ErrPolicy
	}
	if _, removed := r.Head(); removed {
		return nil, ErrRemoved
	}
	hash, words := hashName(name), packName(name)
	i := r.findGroup(hash, words)
	made := i < 0
	if made {
		var err error
		if i, err = r.makeGroup(hash, words, start, owner); err != nil {
			return nil, err
		}
	}
	rd := &Reader{ring: r, index: -1, shared: &r.gates[i], group: hash, run: run{like: firstLike()}}
	if err := rd.takeLine(owner); err != nil {
		r.ReapGate(i) // which has no member now, if it was made for this one
		return nil, err
	}
	if rd.index == i { // the group's own: with all lines taken it was given back, as it has no member
		rd.Close()
		if !made { // or somebody has reaped it since it was found
			return nil, ErrGroupBusy
		}
		return nil, ErrNoLine
	}
	// Whoever reaps a group takes its line's owner first and then looks for members; a member says that it is one, and then looks at the
	// owner. One of them sees the other.
	rd.line.group.Store(hash)
	if _, removed := r.Head(); removed { // likewise with who gives a removed topic's memory back: see Unused
		rd.Close()
		return nil, ErrRemoved
	}
	if rd.shared.owner.Load() != ownerGroup || !rd.shared.isGroup(hash, words) {
		rd.Close()
		return nil, ErrGroupBusy
	}
	rd.pos = rd.shared.state.Load() >> 2
	return rd, nil
}

// findGroup is the line of a group, also of one that is just being made or reaped; -1 if there is none.
func (r *Ring) findGroup(hash uint64, words [MaxGroupName / 8]uint64) int {
	for i := range r.gates {
		if r.gates[i].isGroup(hash, words) {
			return i
		}
	}
	return -1
}

// makeGroup makes a group. Only the owner of control.groups may, so that there is one of a name; a dead owner is replaced.
func (r *Ring) makeGroup(hash uint64, words [MaxGroupName / 8]uint64, start Start, owner uint64) (int, error) {
	lock := &r.control.groups
	if o := lock.Load(); o != 0 && r.alive(o) || !lock.CompareAndSwap(o, owner) {
		return 0, ErrGroupBusy
	}
	i, err := r.addGroup(hash, words, start, owner)
	lock.Store(0)
	return i, err
}

// addGroup is makeGroup for the owner of control.groups.
func (r *Ring) addGroup(hash uint64, words [MaxGroupName / 8]uint64, start Start, owner uint64) (int, error) {
	if i := r.findGroup(hash, words); i >= 0 {
		return i, nil
	}
	for attempt := 0; attempt < 2; attempt++ {
		for i := range r.gates {
			l := &r.gates[i]
			if l.owner.Load() != 0 || !l.owner.CompareAndSwap(0, owner) {
				continue
			}
			for j, w := range l.name() {
				w.Store(words[j])
			}
			l.group.Store(hash)
			if _, err := r.joinHead(l, kindGroup, start); err != nil {
				r.freeGate(l)
				return 0, err
			}
			l.owner.Store(ownerGroup)
			return i, nil
		}
		r.ReapGates()
	}
	return 0, ErrNoLine
}

// freeGate gives back a line that the caller owns.
func (r *Ring) freeGate(l *gateLine) {
	l.state.Store(kindNone)
	l.pin.Store(0)
	l.group.Store(0)
	l.owner.Store(0)
}

// reapGroup gives a group back whose line is i and was seen with owner o, if it has no living member. Frames that its dead members had
// in hand are gone then, and are reported to Orphaned. An owner that is a participant died while it made or reaped the group.
func (r *Ring) reapGroup(i int, o uint64) bool {
	l := &r.gates[i]
	hash := l.group.Load()
	if r.Self == 0 || o == ownerGroup && r.hasMembers(hash) || !l.owner.CompareAndSwap(o, r.Self) {
		return false
	}
	if r.hasMembers(hash) { // joined in between, and may have seen the owner that was
		r.recount(l)
		l.owner.Store(ownerGroup)
		return false
	}
	frames := 0
	for j := range r.gates {
		m := &r.gates[j]
		if o := m.owner.Load(); r.isMember(m, hash) && !r.alive(o) && m.owner.CompareAndSwap(o, r.Self) {
			if m.pin.Load() != 0 {
				frames++
			}
			r.freeGate(m)
		}
	}
	name := l.groupName()
	r.freeGate(l)
	if frames > 0 && r.Orphaned != nil {
		r.Orphaned(name, frames)
	}
	return true
}

// recount joins a group's cursor to the head once more: who made the group may have died before it did.
func (r *Ring) recount(l *gateLine) {
	head := &r.control.head
	for {
		hw, st := head.Load(), l.state.Load()
		h := hw & positionMask
		if h == tombstone {
			return
		}
		if h > st>>2 {
			l.state.CompareAndSwap(st, h<<2|kindGroup)
			continue
		}
		if head.CompareAndSwap(hw, hw+countOne) {
			return
		}
	}
}

// isMember says whether l is the line of a member of the group with that hash.
func (r *Ring) isMember(l *gateLine, hash uint64) bool {
	return hash != 0 && l.group.Load() == hash && l.state.Load()&kindMask == kindNone
}

// hasMembers says whether a living participant holds a member's line of the group.
func (r *Ring) hasMembers(hash uint64) bool {
	for i := range r.gates {
		l := &r.gates[i]
		if o := l.owner.Load(); o != 0 && r.isMember(l, hash) && r.alive(o) {
			return true
		}
	}
	return false
}

// leaveGroup frees a member's line, which the caller owns, and the group's with the last. A frame in hand stays pinned, for
// another member to adopt, and then the group stays for one to come.
func (r *Ring) leaveGroup(l *gateLine) {
	hash := l.group.Load()
	if l.pin.Load() != 0 {
		l.owner.Store(ownerAbandoned)
		return
	}
	r.freeGate(l)
	for i := range r.gates {
		if m := &r.gates[i]; m.pin.Load() != 0 && r.isMember(m, hash) {
			return
		}
	}
	r.reapEmpty(hash)
}

// reapEmpty gives the group back if it has no living member.
func (r *Ring) reapEmpty(hash uint64) {
	for i := range r.gates {
		l := &r.gates[i]
		if o := l.owner.Load(); o == ownerGroup && l.group.Load() == hash {
			r.reapGroup(i, o)
		}
	}
}
