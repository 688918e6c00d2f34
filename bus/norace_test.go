//go:build !race

package bus_test

// underRace says that the race detector is on.
const underRace = false
