//go:build !shmbus_sched

package topics

// A stamp that is stored again and again is dear to who waits for it: its line has to be fetched once more than a line that was not looked at before.
// So a writer lets runs grow only where its frames come so soon after each other, in nanoseconds, that readers are likely to be behind.
const streamPace = 128
