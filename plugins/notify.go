package plugins

import (
	"fmt"
	"net"
	"os"
	"strings"
	"unicode"
)

// A Notice is what a plugin tells its runner by sd_notify(3): a datagram of lines KEY=VALUE. Unknown keys are left out.
type Notice struct {
	Ready    bool   // READY=1
	Stopping bool   // STOPPING=1
	Watchdog bool   // WATCHDOG=1: it lives
	Trigger  bool   // WATCHDOG=trigger: it does not
	Status   string // STATUS=..., at most MaxStatus bytes, fit for a terminal
	MainPID  string // MAINPID=...; not acted upon
}

// MaxStatus is the longest status, in bytes; the rest is cut off.
const MaxStatus = 512

// printable is a status as it can be shown to people: what would move their cursor is '?'.
func printable(s string) string {
	s = strings.ToValidUTF8(s[:min(len(s), MaxStatus)], "?")
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '?'
		}
		return r
	}, s)
}

// ParseNotice reads a datagram.
func ParseNotice(datagram []byte) (n Notice) {
	for line := range strings.Lines(string(datagram)) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		switch key {
		case "READY":
			n.Ready = n.Ready || value == "1"
		case "STOPPING":
			n.Stopping = n.Stopping || value == "1"
		case "WATCHDOG":
			n.Watchdog = n.Watchdog || value == "1"
			n.Trigger = n.Trigger || value == "trigger"
		case "STATUS":
			n.Status = printable(value)
		case "MAINPID":
			n.MainPID = value
		}
	}
	return n
}

// Notify sends state, lines KEY=VALUE as sd_notify(3) has them, to whoever started this process. Without NOTIFY_SOCKET it does
// nothing and returns nil. Safe for concurrent use.
func Notify(state string) error {
	path := os.Getenv(EnvNotify)
	if path == "" {
		return nil
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"}) // a name with @ is abstract
	if err != nil {
		return fmt.Errorf("tell %s: %w", EnvNotify, err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(state)); err != nil {
		return fmt.Errorf("tell %s: %w", EnvNotify, err)
	}
	return nil
}
