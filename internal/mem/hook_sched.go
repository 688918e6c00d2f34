//go:build shmbus_sched

package mem

// With the build tag shmbus_sched every operation on shared memory is offered to Hook first. internal/sched sets it while it explores
// interleavings; while it is nil all is as without the tag. The production build has none of this: its words are in word.go and plain.go.

// An Op is a kind of operation.
type Op uint8

// The operations, one for each method of words.
const (
	OpLoad Op = iota + 1
	OpStore
	OpRelease // StoreRelease
	OpSwap    // CompareAndSwap
	OpAdd
	OpGet // Plain
	OpSet
	OpFence // a barrier that goes with no word; HookFence is told, and Hook is not
)

// String is the method's name.
func (o Op) String() string {
	return [...]string{"", "Load", "Store", "StoreRelease", "CompareAndSwap", "Add", "Get", "Set", "Fence"}[o]
}

// Hook performs an operation on the word at an address: with what is expected there, for OpSwap, and what to store. It returns the
// loaded or added value, or 1 for a swap that was made. It says false if it has nothing to do with that word, which then is operated
// on as usual.
var Hook func(op Op, at uintptr, old, new uint64) (value uint64, done bool)

// HookFence is told of barriers that go with no word: of the caller's alone, or of those of all actors.
var HookFence func(all bool)
