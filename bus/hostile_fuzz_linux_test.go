package bus_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"
)

// hostileLimit is more than any script takes: each call in it is bounded by its own context.
const hostileLimit = 60 * time.Second

// bounded runs f, and fails with everybody's stack if it hangs.
func bounded(what string, f func()) {
	watch := time.AfterFunc(hostileLimit, func() {
		buf := make([]byte, 1<<18)
		fmt.Fprintf(os.Stderr, "%s did not end within %v\n%s", what, hostileLimit, buf[:runtime.Stack(buf, true)])
		os.Exit(3)
	})
	defer watch.Stop()
	f()
}

// randomScript is a script of which every other one opens handles before anything is overwritten.
func randomScript(rnd *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	if b[1]&16 != 0 {
		copy(b[1:], []byte{0, 4, 5, 1, b[2], 5, byte(n), b[3], 4, 5, 2, b[4]})
	}
	return b
}

// TestHostileBytesEndInErrorsOrFrames overwrites words of all files of a bus, before it is opened and while it is used. The process
// would not survive an access out of range; calls end within their context; frames are whole as long as nobody has written to what they
// are made of.
func TestHostileBytesEndInErrorsOrFrames(t *testing.T) {
	seed := uint64(1)
	runs := 40
	if long {
		seed, runs = uint64(time.Now().UnixNano()), 150
	}
	t.Logf("seed %d", seed)
	seen := map[string]int{}
	for i := range runs {
		rnd := rand.New(rand.NewPCG(seed, uint64(i)))
		script := randomScript(rnd, 100+rnd.IntN(400))
		bounded(fmt.Sprintf("script %d of seed %d", i, seed), func() { runWrecker(t, script, i%4 == 3, seen) })
	}
	for _, what := range slices.Sorted(maps.Keys(seen)) {
		t.Logf("%6d %s", seen[what], what)
	}
	for _, must := range []string{"frame", "Publish", "Subscribe lossless", "Subscribe lossy", "Subscribe tap", "corrupt"} {
		if seen[must] == 0 {
			t.Errorf("nothing was seen of: %s", must)
		}
	}
}

// FuzzHostileBus is the same for the fuzzer.
func FuzzHostileBus(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\xc4\x00\x04\x05\x01\x01\x16\x10\x00\x16\x20\x00\x29\x00\x29\x00\x00\x05\x01\x04\x01\x29\x00"))
	f.Add([]byte("\x8c\x00\x05\x00\x01\x04\x36\x00\x50\x00\x00\x0b\x40\x00\x46\x07\x01\x02\x3a\x00\x3a\x00\x0c\x0d\x0e\x00"))
	for i := range uint64(12) {
		f.Add(randomScript(rand.New(rand.NewPCG(7, i)), 300))
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) > 1500 {
			script = script[:1500]
		}
		bounded("a hostile script", func() { runWrecker(t, script, false, map[string]int{}) })
	})
}
