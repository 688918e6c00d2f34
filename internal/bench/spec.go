package bench

import (
	"io"
	"time"

	"shmbus/bus"
)

// Wait is how subscribers wait for frames.
type Wait string

// The ways of waiting, see bus.Spin and bus.Block.
const (
	Spin     Wait = "spin"
	Adaptive Wait = "adaptive"
	Block    Wait = "block"
)

// Modes of a measurement.
const (
	ThroughputMode = "throughput"
	LatencyMode    = "latency"
)

// A CrewSpec says which processes there are.
type CrewSpec struct {
	Publishers, Subscribers int
	// CPUs that they are pinned to, publishers first, and around; none: nobody is pinned; and -1: this one is not.
	CPUs []int
	// Whole: they are pinned with all their threads; for them the machine then has one CPU.
	Whole bool
	// BareCPUs are those of the first publisher and the first subscriber while the bare hardware is measured.
	BareCPUs []int
	// Bus is the directory of the bus; "" is one of the crew's own, that is removed with it.
	Bus string
	// Stderr is where processes of the crew write what only they can say: nothing, but for a crash.
	Stderr io.Writer
}

// A Spec is one measurement.
type Spec struct {
	CrewSpec
	Mode  string
	Size  int
	Batch int
	Topic bus.TopicOptions
	Wait  Wait
	Early bool // with bus.EarlyWake
	// Turns is how often the measurement and the bare hardware take turns.
	Turns int
	// Count is how many frames are measured in all, by all publishers; 0: as many as take Duration.
	Count    uint64
	Duration time.Duration
	// Progress is told how many turns have ended; it may be nil.
	Progress func(done int)
}
