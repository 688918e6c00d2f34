// Package bench measures the bus between processes, beside what the hardware allows in the same moment: a bare cache line that goes
// back and forth, and a bare ring of one stamp line and one payload line a message with no other work.
//
// Where the two cores of a machine are placed can change its figures by a factor of four from one minute to the next. So the
// things compared take turns, many times, and what counts is the median of the ratios of neighbours.
//
// The program that measures starts itself again, once for each publisher and subscriber; it leads these processes and does nothing
// else meanwhile. "buscat bench" and "go test -bench" both use it.
//
//	crew.go    the leader: the processes; task.go what they are told to do
//	worker.go  a process of the crew: what it is told and what it answers; end.go what it has open
//	job.go     what can be measured; scene.go what others bring along to be measured
//	bare.go    the bare line and the bare ring
//	stream.go  frames one way, latency.go frames there and back, check.go whether they are the right ones
//	parts.go   clocks
//	measure.go one whole measurement, spec.go what it is to be, result.go what came of it
//	series.go  medians and spreads, hist.go a histogram of latencies
package bench
