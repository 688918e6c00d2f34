//go:build shmbus_sched

package topics

// Where each step is looked at, all that comes without a pause is a stream.
const streamPace = 1 << 30
