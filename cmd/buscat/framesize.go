package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A frameSize is a flag for a number of bytes, with a unit or without.
type frameSize int

var sizeUnits = []struct {
	name  string
	bytes float64
}{
	{"KiB", 1 << 10},
	{"MiB", 1 << 20},
	{"GiB", 1 << 30},
	{"kB", 1e3},
	{"KB", 1e3},
	{"MB", 1e6},
	{"GB", 1e9},
	{"K", 1 << 10},
	{"k", 1 << 10},
	{"M", 1 << 20},
	{"G", 1 << 30},
	{"B", 1},
}

func (b *frameSize) String() string { return strconv.Itoa(int(*b)) }

func (b *frameSize) Type() string { return "bytes" }

func (b *frameSize) Set(s string) error {
	number, unit := s, 1.0
	for _, u := range sizeUnits {
		if rest, ok := strings.CutSuffix(s, u.name); ok {
			number, unit = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	v, err := strconv.ParseFloat(number, 64)
	if v *= unit; err != nil || v != math.Trunc(v) || v < 1 || v > math.MaxInt32 {
		return fmt.Errorf("it is a number of bytes, at least 1, like 64, 1KiB or 1.5MiB")
	}
	*b = frameSize(v)
	return nil
}
