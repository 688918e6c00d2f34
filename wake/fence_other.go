//go:build !(linux && amd64) && !shmbus_sched

package wake

import "runtime"

// firstSilence: where release stores are no plain ones, a look at the bell needs no fence. On amd64 it does, and there is no system call here
// that could do without.
var firstSilence = func() uint32 {
	if runtime.GOARCH == "amd64" {
		return noSilence
	}
	return 0
}()

const calmRings = 1024

// canBeFenced: so that nobody here ever sets bit 31.
func canBeFenced() bool { return false }

// fenceAll has nothing to do: nobody sets bit 31.
func fenceAll() {}
