package main

import (
	"fmt"
	"time"
)

// frames is "1 frame" or "n frames".
func frames(n uint64) string { return count(n, "frame") }

func count[N int | uint64](n N, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// size is a number of bytes for people.
func size[N int | int64 | uint64](n N) string {
	if n < 10000 {
		return fmt.Sprintf("%d B", n)
	}
	v, units := float64(n)/1024, "KMGTPE"
	for v >= 1024 && len(units) > 1 {
		v, units = v/1024, units[1:]
	}
	if v == float64(int(v)) || v >= 100 {
		return fmt.Sprintf("%.0f %ciB", v, units[0])
	}
	return fmt.Sprintf("%.1f %ciB", v, units[0])
}

// nice is a number of nanoseconds for people, in three or four digits.
func nice(ns float64) string {
	d := time.Duration(ns + 0.5)
	for unit := time.Duration(1); unit <= time.Hour; unit *= 10 {
		if d < 1000*unit {
			return d.Round(unit).String()
		}
		if d < 10000*unit {
			return d.Round(10 * unit).String()
		}
	}
	return d.Round(time.Minute).String()
}

// each is a number of things a second, for people.
func each(n float64) string {
	switch {
	case n >= 1000:
		return fmt.Sprintf("%.0f", n)
	case n >= 10 || n == 0:
		return fmt.Sprintf("%.1f", n)
	}
	return fmt.Sprintf("%.3g", n)
}
