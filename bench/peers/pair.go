//go:build linux

package peers

import (
	"fmt"
	"path/filepath"
)

// senders is how many processes send on a channel, and receivers how many receive.
func senders(o Options, channel string) int {
	if channel == "a" {
		return o.Pubs
	}
	return 1
}

func receivers(o Options, channel string) int {
	if channel == "a" {
		return o.Subs
	}
	return 1
}

// inbox is the path of the socket of one receiver.
func inbox(o Options, channel string, sub int) string {
	return filepath.Join(o.Dir, fmt.Sprintf("%s.%d", channel, sub))
}

// pipe is the path of the pipe from one sender to one receiver.
func pipe(o Options, channel string, pub, sub int) string {
	return filepath.Join(o.Dir, fmt.Sprintf("%s.%d.%d", channel, pub, sub))
}
