//go:build !race

package topics

// raceEnabled: the race detector watches.
const raceEnabled = false
