//go:build !shmbus_sched

package wake

// calmRings is after how many rings without a sleeper bit 31 is set. To make all pass a fence costs the sleeper about as much as a thousand fences
// cost a ringer, and each CPU on which ringers run an interrupt.
const calmRings = 1024
