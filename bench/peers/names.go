//go:build linux

package peers

// The peers that are written in Go, by the names that processes are told.
const (
	Unix         = "unix"
	UnixBuffered = "unix-buffered"
	FIFO         = "fifo"
	Mangos       = "mangos"
	NATS         = "nats"
	Redis        = "redis"
	Shmipc       = "shmipc"
	Memory       = "memory"
	MemoryTaken  = "memory-taken"
)

var all = map[string]peer{
	Unix:         unixSockets(false),
	UnixBuffered: unixSockets(true),
	FIFO:         pipes,
	Mangos:       pushPull,
	NATS:         natsSubjects,
	Redis:        redisChannels,
	Shmipc:       shmipcStreams,
	Memory:       memory(false),
	MemoryTaken:  memory(true),
}
