// Package growth is what the processes of the benchmark do where it measures what shmbus costs as something grows: scenes of
// shmbus/internal/bench. The names of the scenes and their arguments are what the leader needs.
//
//	scene.go   the scenes, and what they have in common
//	clock.go   a clock that all processes share, and what a process has used
//	fanout.go  one publisher, many subscribers
//	topics.go  many topics in one process, one goroutine that receives
//	attach.go  coming to a bus with many topics, and what an open topic takes
//	blocked.go many goroutines that wait
//	doze.go    the same without a bus: threads that wait, each on a futex of its own
//	ring.go    publishing with nobody there, and the same stores without a bus; making a ring and coming to it
//	lines.go   no bus: the lines of a frame in memory that two processes share; futex_unsafe.go sleeping on it
//	gaps.go    frames with gaps between them: how late they are seen, and what the waiting took
//	loop.go    the same without a bus: a loop that looks at the clock
//	idle.go    waiting for what does not come
//	busy.go    what else the process does meanwhile
package growth
