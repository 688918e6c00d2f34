//go:build shmbus_sched

package topics

const (
	streamPace  = 1 << 30 // where each step is looked at, all that comes without a pause is a stream
	takenAtOnce = 2
	ownsLate    = true // whatever the CPU
)
