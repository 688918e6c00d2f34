package bus_test

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/internal/testproc"
)

func init() { helpers["have few descriptors"] = haveFewDescriptors }

// fewDescriptors is what is tried with few of them: each says what came of it.
var fewDescriptors = map[string]func(b *bus.Bus) string{
	"doctor": func(b *bus.Bus) string {
		found, err := b.Doctor()
		return fmt.Sprint(found, err)
	},
	"reap": func(b *bus.Bus) string {
		found, err := b.Reap()
		return fmt.Sprint(found, err)
	},
}

// haveFewDescriptors tries something when it may open so many files more.
func haveFewDescriptors(peer *testproc.Peer) error {
	b, err := bus.Open(peer.Arg(0))
	if err != nil {
		return err
	}
	left, err := strconv.Atoi(peer.Arg(2))
	if err != nil {
		return err
	}
	time.AfterFunc(time.Hour, func() {}).Stop() // Go's poller has its descriptors
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 40, Max: 40}); err != nil {
		return err
	}
	var taken []int
	for {
		fd, err := syscall.Open("/dev/null", syscall.O_RDONLY, 0)
		if err != nil {
			break
		}
		taken = append(taken, fd)
	}
	for _, fd := range taken[:left] {
		syscall.Close(fd)
	}
	said := fewDescriptors[peer.Arg(1)](b)
	for _, fd := range taken[left:] {
		syscall.Close(fd)
	}
	peer.Say("%s", strings.ReplaceAll(said, "\n", " "))
	return b.Close()
}

// withFewDescriptors is what comes of something where so many files more may be opened.
func withFewDescriptors(t *testing.T, dir, what string, left int) string {
	t.Helper()
	h := testproc.Start(t, "have few descriptors", dir, what, fmt.Sprint(left))
	said := h.Line()
	h.Wait()
	return said
}

const noDescriptors = "too many open files"

// TestWhoLacksDescriptorsIsToldSoAndNotOfDamage: a bus that cannot be looked at is not a damaged one, and not one on which there is nothing to do.
func TestWhoLacksDescriptorsIsToldSoAndNotOfDamage(t *testing.T) {
	dir := newDir(t)
	noError(t, openAt(t, dir).CreateTopic("t", bus.TopicOptions{Slots: 16}))
	for _, what := range []string{"doctor", "reap"} {
		for left := range 5 { // opening a segment takes five
			if said := withFewDescriptors(t, dir, what, left); !strings.HasPrefix(said, "[]") || !strings.Contains(said, noDescriptors) {
				t.Errorf("%s with %d descriptors left: %s", what, left, said)
			}
		}
		if said := withFewDescriptors(t, dir, what, 20); said != "[] <nil>" {
			t.Errorf("%s with descriptors: %s", what, said)
		}
	}
}
