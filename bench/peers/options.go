//go:build linux

package peers

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Options are what a process is told when it starts, as words like "size=64".
type Options struct {
	Peer      string // which one, see Names
	Publisher bool
	Latency   bool // every message is answered
	Spin      bool // a waiting process keeps its CPU, where a peer can do that
	Size      int  // bytes in a message, 16 or more
	Pubs      int  // processes
	Subs      int
	Index     int    // which of them this one is
	Dir       string // for sockets and files
	Addr      string // of the peer's server, if it has one
	Queue     int    // messages that a subscriber's queue holds, for a peer that can be told; 0: as many as it likes
}

// Words are the options for a command line.
func (o Options) Words() []string {
	word := func(b bool, yes, no string) string {
		if b {
			return yes
		}
		return no
	}
	return []string{
		"peer=" + o.Peer, "role=" + word(o.Publisher, "pub", "sub"), "mode=" + word(o.Latency, "latency", "throughput"),
		"wait=" + word(o.Spin, "spin", "block"), fmt.Sprint("size=", o.Size), fmt.Sprint("pubs=", o.Pubs), fmt.Sprint("subs=", o.Subs),
		fmt.Sprint("index=", o.Index), "dir=" + o.Dir, "addr=" + o.Addr, fmt.Sprint("queue=", o.Queue),
	}
}

// parse is the other end of Words.
func parse(words []string) (o Options, err error) {
	for _, w := range words {
		key, v, _ := strings.Cut(w, "=")
		number := func() (n int) {
			var bad error
			if n, bad = strconv.Atoi(v); bad != nil {
				err = bad
			}
			return n
		}
		switch key {
		case "peer":
			o.Peer = v
		case "role":
			o.Publisher = v == "pub"
		case "mode":
			o.Latency = v == "latency"
		case "wait":
			o.Spin = v == "spin"
		case "size":
			o.Size = number()
		case "pubs":
			o.Pubs = number()
		case "subs":
			o.Subs = number()
		case "index":
			o.Index = number()
		case "queue":
			o.Queue = number()
		case "dir":
			o.Dir = v
		case "addr":
			o.Addr = v
		default:
			return o, fmt.Errorf("a process of the benchmark knows no %q", w)
		}
	}
	if err == nil && o.Size < 16 {
		err = errors.New("messages have 16 bytes or more")
	}
	return o, err
}
