package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"shmbus/bus"
)

// An origin is where a tap begins: at a place in the ring, or at a time.
type origin struct {
	option bus.SubscribeOption
	since  time.Time // frames that were published before it are left out; zero: none is
}

// parseStart is the meaning of --from for those who can leave frames out: what parseFrom knows, a duration before now, or a time.
func parseStart(s string, now time.Time) (origin, error) {
	if option, err := parseFrom(s); err == nil {
		return origin{option: option}, nil
	}
	if d, err := time.ParseDuration(s); err == nil && d > 0 {
		return origin{bus.FromOldest(), now.Add(-d)}, nil
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return origin{bus.FromOldest(), t}, nil
	}
	return origin{}, fmt.Errorf("--from %q: it is newest, oldest, -N for the last N frames, a position, a duration like 10s, "+
		"or a time like 2006-01-02T15:04:05Z", s)
}

// parseFrom is the meaning of --from: newest, oldest, -N or a position.
func parseFrom(s string) (bus.SubscribeOption, error) {
	switch s {
	case "newest":
		return bus.FromNewest(), nil
	case "oldest":
		return bus.FromOldest(), nil
	}
	if digits, last := strings.CutPrefix(s, "-"); last {
		if n, err := strconv.ParseUint(digits, 10, 64); err == nil {
			return bus.LastN(int(min(n, math.MaxInt32))), nil // a ring has fewer frames
		}
	} else if pos, err := strconv.ParseUint(s, 10, 64); err == nil {
		return bus.FromPosition(pos), nil
	}
	return nil, fmt.Errorf("--from %q: it is newest, oldest, -N for the last N frames, or a position", s)
}
