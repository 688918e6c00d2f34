//go:build shmbus_sched

package topics

const (
	growPace      = 1 << 30 // where each step is looked at, all that comes without a pause is a stream
	takePace      = 1 << 30
	growAlone     = 0
	firstPatience = 1 << 10
	anyLength     = true
	linesAtOnce   = 2
	ownsLate      = true // whatever the CPU
)
