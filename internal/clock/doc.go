// Package clock is the wall clock for frames, at a fraction of time.Now's cost where the CPU has a time stamp counter that can be
// trusted: the counter is read, and turned into time by a line through two recent looks at the system's clock.
package clock
