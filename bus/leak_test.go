package bus_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/internal/testproc"
)

// mappings is how many mappings this process has of files of the bus in dir, or of any with "".
func mappings(t testing.TB, dir string) (n int) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Skipf("cannot count mappings here: %v", err)
	}
	for l := range strings.Lines(string(b)) {
		if strings.Contains(l, dir) && (strings.Contains(l, ".seg") || strings.Contains(l, ".bell")) {
			n++
		}
	}
	return n
}

// descriptors is how many files this process has open.
func descriptors(t testing.TB) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skipf("cannot count descriptors here: %v", err)
	}
	return len(all)
}

func TestNothingIsLeftWhenEverythingIsClosed(t *testing.T) {
	top, rounds := testproc.MemoryDir(t), 0
	round := func() {
		rounds++
		dir := filepath.Join(top, strconv.Itoa(rounds))
		a, err := bus.Open(dir)
		noError(t, err)
		b, err := bus.Open(dir)
		noError(t, err)
		p := publisher(t, a, "t", lossless)
		s := subscribe(t, b, "t", bus.Lossless())
		tap := subscribe(t, b, "t", bus.ReadOnly())
		publish(t, p, "x")
		expect(t, s, "x")
		expect(t, tap, "x")
		_, err = b.Topics()
		noError(t, err)
		_, err = b.Stat("t")
		noError(t, err)
		_, err = b.Subscribe(soon(t), "none")
		is(t, err, bus.ErrNoTopic)
		_, err = b.Subscribe(soon(t), "t", bus.Lossless(), bus.FromOldest())
		noError(t, err) // and dropped
		_, err = a.Publisher("t", bus.WithTopic(bus.TopicOptions{}))
		is(t, err, bus.ErrPolicy)
		_, err = b.Subscribe(done(), "none", bus.WaitForTopic())
		if err == nil {
			t.Fatal("waited for a topic that never came")
		}
		f := func() *bus.Frame { publish(t, p, "held"); return receive(t, s) }()
		noError(t, a.RemoveTopic("t"))
		noError(t, a.Close())
		noError(t, b.Close())
		f.Release()
		for _, c := range []interface{ Close() error }{p, s, tap} {
			noError(t, c.Close())
		}
	}
	round()
	var fds, maps, goroutines int
	collect := func() {
		runtime.GC()
		fds, maps, goroutines = descriptors(t), mappings(t, ""), runtime.NumGoroutine()
	}
	collect()
	wantFds, wantMaps, wantGoroutines := fds, maps, goroutines
	for range 20 {
		round()
	}
	eventually(t, 10*time.Second, "as much is left after 20 rounds as after one", func() bool {
		collect()
		return fds <= wantFds && maps <= wantMaps && goroutines <= wantGoroutines
	})
	t.Logf("%d descriptors, %d mappings of a bus, %d goroutines", fds, maps, goroutines)
}

func TestATopicThatIsMadeAndRemovedGivesItsMemoryBack(t *testing.T) {
	b := newBus(t)
	noError(t, b.CreateTopic("kept", bus.TopicOptions{}))
	space := func() uint64 { return blocks(t, b.Dir()+"/main.seg") }
	before := space()
	for range 20 {
		p := publisher(t, b, "t")
		s := subscribe(t, b, "t")
		publish(t, p, "x")
		expect(t, s, "x")
		noError(t, b.RemoveTopic("t"))
		noError(t, p.Close())
		noError(t, s.Close())
	}
	noError(t, b.CreateTopic("t", bus.TopicOptions{})) // gives back what was left
	noError(t, b.RemoveTopic("t"))
	if after := space(); after > before+20*(64<<10) { // the control areas of removed topics stay
		t.Errorf("%d bytes before and %d after 20 topics of a megabyte were made and removed", before, after)
	}
}
