// Package mem has the words that processes share: 64-bit and 32-bit atomic words, plain words whose order is given by an atomic
// one, and the one cast from bytes to such words.
//
// Every load and store of shared memory in this module goes through these types, so that there is one place that says what
// each operation orders, and one place for a build that schedules them.
//
//	word.go             Word, Word32: atomic
//	plain.go            Plain: published by a Word, never a flag by itself
//	copy.go             Copy: payload
//	*_sched*.go         the same operations, scheduled: build tag shmbus_sched
//	release_*.go        the release store, which Go's sync/atomic does not have
//	take_*              having a line alone without a store to it
//	prefetch_*          asking for a line before it is stored to
//	view_unsafe.go      bytes to typed memory, bounds and alignment checked
package mem
