package bus_test

import (
	"context"
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
	"publisher": func(b *bus.Bus) string {
		_, err := b.Publisher("t")
		return fmt.Sprint(err)
	},
	"tap": func(b *bus.Bus) string {
		_, err := b.Subscribe(context.Background(), "t", bus.ReadOnly())
		return fmt.Sprint(err)
	},
	"wait": func(b *bus.Bus) string {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
		defer cancel()
		_, err := b.Subscribe(ctx, "none", bus.WaitForTopic())
		return fmt.Sprint(err)
	},
	"topics": func(b *bus.Bus) string {
		found, err := b.Topics()
		return fmt.Sprint(len(found), err)
	},
	"doctor": func(b *bus.Bus) string {
		found, err := b.Doctor()
		return fmt.Sprint(found, err)
	},
	"reap": func(b *bus.Bus) string {
		found, err := b.Reap()
		return fmt.Sprint(found, err)
	},
}

// haveFewDescriptors tries something when it may open so many files more, with a bus that was opened before or is then.
func haveFewDescriptors(peer *testproc.Peer) error {
	left, err := strconv.Atoi(peer.Arg(2))
	if err != nil {
		return err
	}
	var b *bus.Bus
	if peer.Arg(3) == "before" {
		if b, err = bus.Open(peer.Arg(0)); err != nil {
			return err
		}
	}
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
	if b == nil {
		b, err = bus.Open(peer.Arg(0))
	}
	said := fmt.Sprint(err)
	if err == nil {
		said = fewDescriptors[peer.Arg(1)](b)
	}
	for _, fd := range taken[left:] {
		syscall.Close(fd)
	}
	peer.Say("%s", strings.ReplaceAll(said, "\n", " "))
	if b == nil {
		return nil
	}
	return b.Close()
}

// withFewDescriptors is what comes of something where so many files more may be opened.
func withFewDescriptors(t *testing.T, dir, what string, left int, opened string) string {
	t.Helper()
	h := testproc.Start(t, "have few descriptors", dir, what, fmt.Sprint(left), opened)
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
			if said := withFewDescriptors(t, dir, what, left, "before"); !strings.HasPrefix(said, "[]") || !strings.Contains(said, noDescriptors) {
				t.Errorf("%s with %d descriptors left: %s", what, left, said)
			}
		}
		if said := withFewDescriptors(t, dir, what, 20, "before"); said != "[] <nil>" {
			t.Errorf("%s with descriptors: %s", what, said)
		}
	}
}

// TestWhoLacksDescriptorsGoesOn: the Go runtime ends a program in which it gets no descriptors to wait with.
func TestWhoLacksDescriptorsGoesOn(t *testing.T) {
	dir := newDir(t)
	// Large enough for huge pages.
	noError(t, openAt(t, dir).CreateTopic("t", bus.TopicOptions{Slots: 4096, CellSize: 1024}))
	for what := range fewDescriptors {
		for left := range 12 {
			for _, opened := range []string{"before", "late"} {
				if said := withFewDescriptors(t, dir, what, left, opened); left == 0 && what != "wait" && !strings.Contains(said, noDescriptors) {
					t.Errorf("%s without descriptors: %s", what, said)
				}
			}
		}
	}
}
