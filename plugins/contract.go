package plugins

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Contract says how a plugin's frames get onto the bus.
type Contract string

// The contracts.
const (
	Lines  Contract = "lines"  // each line of standard output is a frame on the plugin's one topic
	Frames Contract = "frames" // standard output is frames with a topic each, see WriteFrame
	Direct Contract = "bus"    // the plugin opens the bus itself
)

// Version is the version of the contract that this package speaks.
const Version = 1

// Cookie is what EnvCookie holds for a plugin that was started by a runner. It is no secret: it tells a plugin that was
// started by hand from one that was not.
const Cookie = "9d1f0c3a7be94c55b8ce1d2f60a44b7e"

// The environment of a plugin. EnvBus is also what the bus library and the tools go by.
const (
	EnvBus      = "SHMBUS_DIR"             // the bus directory, absolute
	EnvName     = "SHMBUS_PLUGIN"          // the plugin's name
	EnvCookie   = "SHMBUS_PLUGIN_COOKIE"   // Cookie
	EnvVersions = "SHMBUS_PLUGIN_VERSIONS" // versions of the contract that the runner speaks, with a space between them
	EnvTopics   = "SHMBUS_PLUGIN_TOPICS"   // the manifest's topics, with a newline between them
	EnvShapes   = "SHMBUS_PLUGIN_SHAPES"   // the manifest's topics with their shapes, as JSON: a list of Topic
	EnvConfig   = "SHMBUS_PLUGIN_CONFIG"   // the manifest's config table, as JSON
	EnvNotify   = "NOTIFY_SOCKET"          // as sd_notify(3)
	EnvWatchdog = "WATCHDOG_USEC"          // as sd_watchdog_enabled(3)
)

// ownEnv is all of them, which no manifest can set.
var ownEnv = []string{EnvBus, EnvName, EnvCookie, EnvVersions, EnvTopics, EnvShapes, EnvConfig, EnvNotify, EnvWatchdog}

// handshakeWord begins a handshake line.
const handshakeWord = "shmbus-plugin"

// A Handshake is the first line of standard output of a plugin that has no contract in a manifest:
//
//	shmbus-plugin VERSION lines TOPIC
//	shmbus-plugin VERSION frames
//	shmbus-plugin VERSION bus
//
// VERSION is one of EnvVersions. What follows the line is the plugin's output.
type Handshake struct {
	Version  int
	Contract Contract
	Topic    string // lines only
}

// ErrHandshake is wrapped by ParseHandshake's errors.
var ErrHandshake = errors.New("bad handshake")

// MaxHandshake is the longest handshake line, in bytes, with its newline.
const MaxHandshake = 512

// String is the line, without its newline.
func (h Handshake) String() string {
	s := fmt.Sprintf("%s %d %s", handshakeWord, h.Version, h.Contract)
	if h.Topic != "" {
		s += " " + h.Topic
	}
	return s
}

// ParseHandshake reads a handshake line, with its newline or without.
func ParseHandshake(line string) (h Handshake, err error) {
	line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
	bad := func(format string, args ...any) (Handshake, error) {
		return Handshake{}, fmt.Errorf("%w: %s; want %q, then lines with a topic, frames or bus, got %.100q",
			ErrHandshake, fmt.Sprintf(format, args...), fmt.Sprintf("%s %d", handshakeWord, Version), line)
	}
	word, rest, _ := strings.Cut(line, " ")
	if word != handshakeWord {
		return bad("the first line of standard output is none")
	}
	version, rest, _ := strings.Cut(rest, " ")
	if version != fmt.Sprint(Version) {
		return bad("version %.20q is not spoken here", version)
	}
	contract, topic, _ := strings.Cut(rest, " ")
	h = Handshake{Version, Contract(contract), topic}
	switch {
	case !slices.Contains([]Contract{Lines, Frames, Direct}, h.Contract):
		return bad("there is no contract %.20q", contract)
	case h.Contract == Lines && topic == "":
		return bad("lines need a topic")
	case h.Contract != Lines && rest != contract:
		return bad("%s have no topic of their own", contract)
	}
	if topic != "" {
		if err := CheckTopic(topic); err != nil {
			return bad("%v", err)
		}
	}
	return h, nil
}
