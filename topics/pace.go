//go:build !shmbus_sched

package topics

import "shmbus/internal/cpu"

const (
	// A stamp that is stored again and again is dear to who waits for it: its line has to be fetched once more than a line that was not looked at before.
	// So a writer lets runs grow only where its frames come so soon after each other, in nanoseconds, that readers are likely to be behind.
	growPace = 128

	// Lines are taken where frames come sooner than the quickest that go to and fro. A stream whose stores wait for each other may be no quicker than that between near cores.
	takePace = 160

	// Where another publisher claims after each frame or few, runs that begin come to nothing. So one begins where its publisher has met nobody for so many frames.
	growAlone = 32

	firstPatience = 1 << 13 // frames that a writer publishes alone before it asks to be the sole one

	anyLength = false // one frame is taken to be followed by another as long if it follows one as long

	linesAtOnce = 16 // are asked for, or taken, of cells in a run or of frames
)

var ownsLate = cpu.OwnsLate
