// Package waketest is the conformance suite of the backends of package wake. Every backend runs all of it, over heap memory and
// over a mapped file.
//
//	suite.go       Run: handovers, many sleepers, limits, rings, allocations
//	ending.go      the part of Run about contexts and pokes
//	spy.go         a Notifier that counts calls and says when a sleeper is about to sleep
//	process.go     RunProcesses and Main: the same between processes; the test binary is its own helper
//	readonly.go    RunReadOnly: a bell that may not be written
//	bench.go       BenchmarkProcesses: the round trip between two processes
//	heap.go, mapping_*.go   the two kinds of memory
//
// A test never sleeps to let something happen: the spy says when a waiter has reached its sleep, and a watchdog, far longer than
// any correct run, ends a test that hangs.
package waketest
