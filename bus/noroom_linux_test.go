package bus_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"shmbus/bus"
	"shmbus/internal/testproc"
	"shmbus/segment"
)

func init() { helpers["have few addresses"] = haveFewAddresses }

// bigTopic takes 128 MiB, more than who has few addresses can map.
var bigTopic = bus.TopicOptions{Slots: 2048, CellSize: 64 << 10}

// haveFewAddresses limits itself to 96 MiB more than it has, tries to make topics, and then looks at those that there are.
func haveFewAddresses(peer *testproc.Peer) error {
	b, err := bus.Open(peer.Arg(0))
	if err != nil {
		return err
	}
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return err
	}
	var pages uint64
	if _, err := fmt.Sscan(string(statm), &pages); err != nil {
		return err
	}
	most := pages*uint64(os.Getpagesize()) + 96<<20
	if err := syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: most, Max: most}); err != nil {
		return err
	}
	for range 3 {
		if err := b.CreateTopic("huge", bigTopic); err == nil {
			return fmt.Errorf("a topic was made that cannot be mapped")
		}
	}
	found, err := b.Topics()
	var names []string
	for _, t := range found {
		names = append(names, t.Name)
	}
	peer.Say("%s: %v", strings.Join(names, " "), err)
	return b.Close()
}

// withFewAddresses is what such a process finds on the bus.
func withFewAddresses(t *testing.T, dir string) string {
	t.Helper()
	h := testproc.Start(t, "have few addresses", dir)
	said := h.Line()
	h.Wait()
	return said
}

func TestATopicThatCannotBeMappedIsNotMadeAndTakesNoRoom(t *testing.T) {
	needsTheMachine(t, "its addresses are not limited")
	b := newBus(t)
	noError(t, b.CreateTopic("small", bus.TopicOptions{Slots: 16}))
	file := filepath.Join(b.Dir(), "main.seg")
	before, err := os.Stat(file)
	noError(t, err)
	if said := withFewAddresses(t, b.Dir()); said != "small: <nil>" {
		t.Errorf("it found %s", said)
	}
	after, err := os.Stat(file)
	noError(t, err)
	if before.Size() != after.Size() {
		t.Errorf("the file had %d bytes, and has %d", before.Size(), after.Size())
	}
}

func TestASegmentWhoseFirstTopicFailsIsRemoved(t *testing.T) {
	huge := bus.TopicOptions{Slots: 1 << 24, CellSize: 64 << 10} // more than any machine's memory
	for _, opts := range [][]bus.Option{nil, {bus.WithEphemeral()}} {
		b := newBus(t, opts...)
		files := func() (names []string) {
			all, err := os.ReadDir(b.Dir())
			noError(t, err)
			for _, f := range all {
				names = append(names, f.Name())
			}
			return names
		}
		for range 2 {
			is(t, b.CreateTopic("t", huge), segment.ErrNoSpace, `"t"`)
			if got := files(); len(got) != 1 || got[0] != "bus.lock" {
				t.Errorf("it left %v", got)
			}
		}
		noError(t, b.CreateTopic("small", bus.TopicOptions{Slots: 16}))
		is(t, b.CreateTopic("t", huge), segment.ErrNoSpace) // the segment is there, and another topic in it
		_, err := b.Stat("small")
		noError(t, err)
	}
}

func TestTopicsBehindOneThatCannotBeMappedAreFound(t *testing.T) {
	needsTheMachine(t, "its addresses are not limited")
	b := newBus(t)
	noError(t, b.CreateTopic("big", bigTopic))
	noError(t, b.CreateTopic("small", bus.TopicOptions{Slots: 16}))
	if said := withFewAddresses(t, b.Dir()); !strings.HasPrefix(said, "small: ") || !strings.Contains(said, `"big"`) {
		t.Errorf("it found %s", said)
	}
}
