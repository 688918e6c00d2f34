// Package sched explores the interleavings of code that shares memory through internal/mem. It is compiled with the build tag shmbus_sched
// only; without it the package is empty, and internal/mem knows nothing of it.
//
// A Scenario lays out a piece of memory and starts a few actors in it, which run the real code. Each actor is a coroutine that stops before
// each operation on a word that others use too. The explorer chooses who goes on, and by doing it again from the start with other choices
// it comes to see every state that the actors can get to, or every one with a bounded number of deviations from the plain order.
//
//	explore.go  the search: depth first, by replay, with a table of the states already seen
//	state.go    what can be done next in a state, and what makes two states the same
//	actor.go    actors: coroutines; waiting; dying
//	access.go   one operation: at once, into a store buffer, or after a stop
//	mutate.go   stores taken away, swapped or weakened, to see that it is noticed
//	trace.go    schedules in words
//	table.go    the states seen
//
// # What is reduced, and why nothing is missed
//
// A state is the contents of the words that are shared, the store buffers, and of each actor what its operations have returned so far: the
// code is deterministic, so that equal answers mean equal local state. A state that was seen before is not gone into again.
//
// Words that one actor uses alone, or nobody stores to, are no reason to stop. The explorer begins with all words taken for such; when it
// sees a second actor, it begins again with that word among the shared ones. Up to that moment the run is one that it would have
// seen anyway.
//
// Plain words are no reason to stop either, unless the scenario says so: instead it is an error if two actors use one with nothing
// between them that orders it (a data race), in any state. Where there is no race, the moment of a plain access cannot be told.
//
// # Store buffers
//
// With TSO on, release stores and plain stores go into a buffer of their actor and come out in order, each at a moment of its own; loads see
// the own buffer first; Store, CompareAndSwap and Add wait until it is empty. This is what amd64 does.
package sched
