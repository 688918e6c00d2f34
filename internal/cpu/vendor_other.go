//go:build !amd64

package cpu

// OwnsLate is of CPUs whose stores wait for each other: see there.
const OwnsLate = false
