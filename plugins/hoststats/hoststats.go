// Package hoststats is a plugin that publishes how the machine is doing: processors, memory, disks and network.
//
// hoststats.go (config, frames), read_linux.go (from /proc), read_other.go.
package hoststats

import (
	"errors"
	"time"

	"shmbus/plugins"
)

// A Config is the config table.
type Config struct {
	Every  plugins.Duration `json:"every"`  // from one frame to the next, at least 100ms
	Prefix string           `json:"prefix"` // of the topics
	Proc   string           `json:"proc"`   // where /proc is; in a container that of the host may be elsewhere
}

// Defaults are what a config table need not say.
var Defaults = Config{Every: plugins.Duration(time.Second), Prefix: "host", Proc: "/proc"}

// shortest is the shortest interval: the kernel counts a processor's time in hundredths of a second.
const shortest = 100 * time.Millisecond

// Check says what is wrong with the values.
func (c *Config) Check([]string) error {
	var all []error
	if every := time.Duration(c.Every); every < shortest {
		all = append(all, plugins.BadConfig("every", "%v: at least %v", every, shortest))
	}
	if err := plugins.CheckTopic(c.Prefix + "/memory"); err != nil { // the longest
		all = append(all, plugins.BadConfig("prefix", "%w", err))
	}
	return errors.Join(all...)
}

// A CPU is a frame of PREFIX/cpu. Percentages are of the time since the frame before.
type CPU struct {
	Time    time.Time  `msgpack:"time"`
	Percent float64    `msgpack:"percent"` // busy, of all processors together: 0 to 100
	User    float64    `msgpack:"user"`    // with nice
	System  float64    `msgpack:"system"`  // with interrupts
	IOWait  float64    `msgpack:"iowait"`
	Steal   float64    `msgpack:"steal"`
	Cores   []float64  `msgpack:"cores"` // busy, of each processor
	Load    [3]float64 `msgpack:"load"`  // of 1, 5 and 15 minutes
}

// A Memory is a frame of PREFIX/memory, in bytes.
type Memory struct {
	Time      time.Time `msgpack:"time"`
	Total     uint64    `msgpack:"total"`
	Available uint64    `msgpack:"available"`
	Free      uint64    `msgpack:"free"`
	Buffers   uint64    `msgpack:"buffers"`
	Cached    uint64    `msgpack:"cached"`
	Shared    uint64    `msgpack:"shared"` // in /dev/shm and other tmpfs too, and so that of the bus
	SwapTotal uint64    `msgpack:"swap_total"`
	SwapFree  uint64    `msgpack:"swap_free"`
	Percent   float64   `msgpack:"percent"` // not available, of the total
}

// Disks is a frame of PREFIX/disk: by the name of the block device. Devices that were never used are left out.
type Disks struct {
	Time  time.Time       `msgpack:"time"`
	Disks map[string]Disk `msgpack:"disks"`
}

// A Disk is what went on on one block device since the frame before, each second.
type Disk struct {
	ReadBytes  float64 `msgpack:"read_bytes"`
	WriteBytes float64 `msgpack:"write_bytes"`
	Reads      float64 `msgpack:"reads"`
	Writes     float64 `msgpack:"writes"`
	Percent    float64 `msgpack:"percent"` // of the time it had something to do
}

// Nets is a frame of PREFIX/net: by the name of the interface.
type Nets struct {
	Time time.Time      `msgpack:"time"`
	Nets map[string]Net `msgpack:"nets"`
}

// A Net is what went on on one interface since the frame before, each second.
type Net struct {
	ReceivedBytes   float64 `msgpack:"received_bytes"`
	ReceivedPackets float64 `msgpack:"received_packets"`
	ReceivedErrors  float64 `msgpack:"received_errors"` // with those dropped
	SentBytes       float64 `msgpack:"sent_bytes"`
	SentPackets     float64 `msgpack:"sent_packets"`
	SentErrors      float64 `msgpack:"sent_errors"` // with those dropped
}
