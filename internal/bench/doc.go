// Package bench measures the bus between two pinned processes, beside what the hardware allows in the same moment: a bare cache line
// that goes back and forth, and a bare ring of one stamp line and one payload line a message with no other work.
//
// Where the two cores of a machine are placed can change its figures by a factor of four from one minute to the next. So the
// things compared take turns, many times, and what counts is the median of the ratios of neighbours.
//
//	pair.go    the two processes, and the order they take turns in
//	bare.go    the bare line and the bare ring
//	work.go    what is done over the bus
//	compare.go medians and spreads
package bench
