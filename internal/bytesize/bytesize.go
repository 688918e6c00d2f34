// Package bytesize is a number of bytes as people write it, with a unit or without.
package bytesize

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A Size is a number of bytes. It is a flag, and a value in a configuration file.
type Size int

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

// String is the number without a unit.
func (b *Size) String() string { return strconv.Itoa(int(*b)) }

// Type is what help texts call such a flag's value.
func (b *Size) Type() string { return "bytes" }

// UnmarshalText is Set.
func (b *Size) UnmarshalText(text []byte) error { return b.Set(string(text)) }

// MarshalText writes what UnmarshalText reads.
func (b Size) MarshalText() ([]byte, error) { return strconv.AppendInt(nil, int64(b), 10), nil }

// Set reads a size, like 64, 1KiB or 1.5MiB: at least 1 byte, at most 8 EiB.
func (b *Size) Set(s string) error {
	number, unit := s, 1.0
	for _, u := range sizeUnits {
		if rest, ok := strings.CutSuffix(s, u.name); ok {
			number, unit = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	v, err := strconv.ParseFloat(number, 64)
	if v *= unit; err != nil || v != math.Trunc(v) || v < 1 || v >= math.MaxInt {
		return fmt.Errorf("%.40q is no number of bytes, like 64, 1KiB or 1.5MiB", s)
	}
	*b = Size(v)
	return nil
}
