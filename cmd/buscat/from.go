package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"shmbus/bus"
)

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
