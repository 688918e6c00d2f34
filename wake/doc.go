// Package wake lets goroutines of several processes sleep until something in shared memory has changed, and be woken without a
// system call where nobody sleeps.
//
//	bell.go       Bell, Line: the shared word
//	ringer.go     Ringer: who rings after each of many stores
//	poke.go       Poke: the private word of a sleeper
//	waiter.go     Waiter: looks, spins, sleeps; contexts, limits, pokes
//	spin.go       how long to spin
//	notifier.go   Notifier: what a backend does; Default
//	futex_*.go    the Linux backend; system calls and unsafe in futex_unsafe.go only
//	crowd_*.go    many sleepers of a process on few threads
//	show_*.go     how a sleeper keeps its P
//	poll.go       the backend that looks at intervals: everywhere, and on bells that may not be written
//	waketest      the suite that every backend passes
//
// # The protocol
//
// A sleeper waits for a state in shared memory: a stamp, a cursor. The bell is a hint that the state may have changed, never the
// state itself.
//
//	sleeper                                  ringer
//	  S1  v = bell                             R1  store the state
//	  S2  bit 0 clear: CAS v -> v|1            R2  v = bell; bit 0 clear: done
//	  S3  look at the state; there: done       R3  CAS v -> v+1; failed: R2
//	  S4  sleep while bell is v|1              R4  wake all that sleep on the bell
//	  S5  S1
//
// The bell is written by sleepers (S2: sets bit 0) and by ringers (R3: clears it and counts, in one addition). S2 pairs with R2, and
// R1 with S3: either the ringer sees the bit, or the sleeper sees the state. R3 pairs with S4: a ring between S2 and S4 changes
// the word, and the kernel compares it before it sleeps. The count keeps a sleeper that was stopped between S2 and S4 from taking
// the bit of somebody else's sleep for its own.
//
// Nobody takes the bit back. A sleeper that left for another reason, or died, leaves it set; the next ring is then one wake too
// many. A ringer that dies between R3 and R4 leaves sleepers asleep: the limit of Wait covers that, and anything that a
// foreign process may do to the word.
//
// # Fences
//
// R1 must be visible to others before R2 loads. Between them there must be a full barrier: R1 itself is a mem.Word Store,
// CompareAndSwap or Add, or one of these follows it. StoreRelease alone is not enough: on amd64 the load of R2 may pass it, both
// sides miss each other, and the sleeper sleeps on until its limit.
//
// A Ringer has the barrier for those whose R1 is a release store, and mostly saves it: with bit 31 of the bell it says that it looks without one,
// and a sleeper that finds the bit set has the kernel make the CPUs of all ringers pass a barrier, between S2 and S3, before it clears the bit.
// docs/PROTOCOL.md, "Waking", has the argument.
//
// # The private word
//
// The poke word of a sleeper is in its own process's memory. The sleeper writes the number of its registration with a context into
// it, and clears the poke bit; Poke and the context's callback set bits and then wake the sleeper (Notifier.WakePoke). It pairs
// with S4: a sleep ends, or does not begin, when a bit is set.
//
// # Backends
//
// All backends share one bell: a ring by any of them wakes the sleepers of all. Futex sleeps on the bell and on the poke word in
// one call (futex_waitv, Linux 5.16). Where that call is missing or forbidden it sleeps on the bell in slices of 20 ms, and a poke
// or a context may take that long. A thread is blocked for each sleeper, so only the first eight of a process sleep like that, and
// none where others keep more than one thread busy, or were many within the last second: then these are called back, by a third word in their call, or sleep
// with the others the next time. All others are a
// crowd: a thread sleeps on up to 127 bells for them in one call, looks which have changed, and wakes goroutines. It takes a
// bell's value and lists it under a lock; a sleeper puts its own value under the same lock and then looks at the bell once more.
// So a ring is seen by the sleeper's look, or by the thread's, or it comes after both, when the thread sleeps on the bell, or is
// kept from sleeping because the value is another one, or was called back because the bell was not listed. Who sleeps on a thread of its own goes
// through Go's scheduler each 5 ms if it sleeps often, so that the runtime leaves it its P, as long as there are Ps for others. Poll never writes the
// bell, needs no ring, and looks at the state after each nap.
package wake
