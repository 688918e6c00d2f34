package httpin

import (
	"errors"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"time"

	"shmbus/plugins"
	"shmbus/topics"
)

// A Config is the config table.
type Config struct {
	Socket    string           `json:"socket"`     // the path of a Unix socket, relative to the manifest's dir; or else:
	Address   string           `json:"address"`    // a loopback address and port: "127.0.0.1:8080"; every user of the machine may post there
	Mode      string           `json:"mode"`       // who may use the socket, in octal
	Topics    []string         `json:"topics"`     // patterns of topics that may be posted to; none: the manifest's topics
	MaxTopics int              `json:"max-topics"` // how many topics may be posted to that are not the manifest's
	Max       plugins.Size     `json:"max"`        // the longest frame, in bytes; the topic's ring may allow less
	JSON      string           `json:"json"`       // what becomes of JSON: "raw", or "msgpack"
	Wait      plugins.Duration `json:"wait"`       // how long a request waits for room in a lossless topic
}

// Defaults are what a config table need not say.
var Defaults = Config{Mode: "0600", MaxTopics: 256, Max: 1 << 20, JSON: "raw", Wait: plugins.Duration(100 * time.Millisecond)}

// Check says what is wrong with the values.
func (c *Config) Check(declared []string) error {
	var all []error
	bad := func(key, format string, args ...any) { all = append(all, plugins.BadConfig(key, format, args...)) }
	if (c.Socket == "") == (c.Address == "") {
		bad("socket", "one of socket and address says where to listen")
	}
	if len(c.Socket) > longestSocket {
		bad("socket", "%.40q... is %d bytes long, and the path of a socket may have at most %d here; a path relative to dir may be shorter", c.Socket, len(c.Socket), longestSocket)
	}
	if _, err := c.mode(); err != nil {
		all = append(all, err)
	}
	if c.Address != "" {
		if at, err := netip.ParseAddrPort(c.Address); err != nil || !at.Addr().IsLoopback() {
			bad("address", "%.80q: a loopback address and a port, like 127.0.0.1:8080 or [::1]:8080", c.Address)
		}
	}
	if _, err := c.patterns(declared); err != nil {
		all = append(all, err)
	}
	if c.JSON != "raw" && c.JSON != "msgpack" {
		bad("json", "%.40q: there are raw and msgpack", c.JSON)
	}
	if c.MaxTopics < 1 {
		bad("max-topics", "%d: at least 1", c.MaxTopics)
	}
	if wait := time.Duration(c.Wait); wait < time.Millisecond || wait > time.Minute {
		bad("wait", "%v: from 1ms to 1m", wait)
	}
	if c.Max > 1<<30 {
		bad("max", "%d: at most 1GiB", c.Max)
	}
	return errors.Join(all...)
}

// longestSocket is the longest path of the socket, in bytes: the kernel takes so many, with a zero behind them, of the name that it has while it is
// made.
const longestSocket = len(syscall.RawSockaddrUnix{}.Path) - 1 - len(making)

// mode is the socket's.
func (c *Config) mode() (os.FileMode, error) {
	mode, err := strconv.ParseUint(c.Mode, 8, 32)
	if err != nil || mode > 0o777 {
		return 0, plugins.BadConfig("mode", "%.40q: a mode in octal, like 0600", c.Mode)
	}
	return os.FileMode(mode), nil
}

// patterns are those of the topics that may be posted to.
func (c *Config) patterns(declared []string) (all []topics.Pattern, err error) {
	texts := c.Topics
	if len(texts) == 0 {
		texts = declared
	}
	if len(texts) == 0 {
		return nil, plugins.BadConfig("topics", `which may be posted to? For instance topics = ["in/**"]`)
	}
	for _, text := range texts {
		if plugins.Reserved(text) {
			return nil, plugins.BadConfig("topics", "%.220q is busd's, and may not be posted to", text)
		}
		p, err := topics.ParsePattern(text)
		if err != nil {
			return nil, plugins.BadConfig("topics", "%w", err)
		}
		all = append(all, p)
	}
	return all, nil
}
