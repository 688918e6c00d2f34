//go:build linux

package bus_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/internal/testproc"
)

// findings is what Doctor finds, one a line, without what changes from run to run.
func findings(t *testing.T, b *bus.Bus) string {
	t.Helper()
	all, err := b.Doctor()
	noError(t, err)
	var s strings.Builder
	for _, f := range all {
		fmt.Fprintf(&s, "%v %s: %s", f.Grade, f.Topic, f.Text)
		if f.Stopped {
			s.WriteString(", stopped")
		}
		if f.Pid == 0 {
			s.WriteString(", by nobody known")
		}
		s.WriteString("\n")
	}
	return s.String()
}

func wantFindings(t *testing.T, b *bus.Bus, want string) {
	t.Helper()
	got := ""
	defer func() {
		if got != want {
			t.Logf("the doctor found\n%swant\n%s", got, want)
		}
	}()
	eventually(t, 5*time.Second, "the doctor finds what it should", func() bool { // the dead are reaped a little later
		got = findings(t, b)
		return got == want
	})
}

func TestDoctorNamesWhoHoldsWhat(t *testing.T) {
	needsTheMachine(t, "qemu-user makes up when a process was started, by which the doctor knows it")
	dir := newDir(t)
	b := openAt(t, dir)
	wantFindings(t, b, "")
	p := publisher(t, b, "t", losslessRing(16))
	s := subscribe(t, b, "t", bus.Lossless())
	m := subscribe(t, b, "t", bus.Group("w"))
	wantFindings(t, b, "")
	h := testproc.Start(t, "hold a loan", dir, "100")
	h.Expect("lent")
	publish(t, p, "behind")
	time.Sleep(20 * time.Millisecond) // not synchronisation: time that the finding has to show
	h.Signal(syscall.SIGSTOP)
	eventually(t, 10*time.Second, "it is stopped", func() bool { return stopped(t, h.Pid()) })
	wantFindings(t, b, `holds t: publisher 2 has begun a frame and not finished it, at position 0 (2 slots), stopped
holds t: subscription 1 is behind, at position 0 (3 slots)
holds t: group w is behind, at position 0 (3 slots), by nobody known
`)
	all, err := b.Doctor()
	noError(t, err)
	if f := all[0]; f.Pid != h.Pid() || time.Since(f.Since) < 20*time.Millisecond || time.Since(f.Since) > time.Minute {
		t.Errorf("the open claim is told of as %+v", f)
	}
	// A stopped process is alive: nobody takes what it has, and its frame is good when it goes on.
	if f, err := s.TryReceive(); f != nil || err != nil {
		t.Fatalf("before the claim is finished came %v, %v", f, err)
	}
	h.Signal(syscall.SIGCONT)
	h.Say("commit")
	h.Wait()
	first := receive(t, s)
	expect(t, s, "behind")
	mine := receive(t, m)
	wantFindings(t, b, `holds t: member 2 of group w has a frame in hand, at position 0
holds t: subscription 1 is behind, at position 0 (3 slots)
holds t: group w is behind, at position 2 (1 slots), by nobody known
`)
	first.Release()
	mine.Release()
	expect(t, m, "behind")
	if f, err := s.TryReceive(); f != nil || err != nil {
		t.Fatal(f, err)
	}
	wantFindings(t, b, "")
}

// TestDoctorNamesWhoIsStoppedWhileItMakesAGroup: nobody else can make one until it goes on or ends.
func TestDoctorNamesWhoIsStoppedWhileItMakesAGroup(t *testing.T) {
	needsTheMachine(t, "qemu-user makes up when a process was started, by which the doctor knows it")
	x := breakable(t)
	h := testproc.Start(t, "hold a loan and a subscription", x.dir)
	h.Expect("holding")
	h.Signal(syscall.SIGSTOP)
	eventually(t, 10*time.Second, "it is stopped", func() bool { return stopped(t, h.Pid()) })
	const groups = 144 // in the region: see LAYOUT.md
	x.set(x.region+groups, x.get(x.region+x.areas.Gates))
	all, err := x.b.Doctor()
	noError(t, err)
	i := slices.IndexFunc(all, func(f bus.Finding) bool { return f.Check == "group-busy" })
	if i < 0 || all[i].Pid != h.Pid() || !all[i].Stopped || all[i].Grade != bus.Holds || all[i].Topic != "t" {
		t.Fatalf("the doctor found %+v", all)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := x.b.Subscribe(ctx, "t", bus.Group("g")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while it is stopped: %v", err)
	}
	h.Kill()
	noError(t, subscribe(t, x.b, "t", bus.Group("g")).Close())
}

func TestKickEndsAStuckSubscriptionThatLives(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", losslessRing(4))
	s := subscribe(t, b, "t", bus.Lossless())
	waiting := subscribe(t, b, "t", bus.Lossless())
	publish(t, p, "0")
	f := receive(t, s)
	expect(t, waiting, "0")
	said := make(chan error)
	go func() {
		_, err := waiting.Receive(soon(t))
		said <- err
	}()
	st, err := b.Stat("t")
	noError(t, err)
	noError(t, b.Kick("t", st.SubscriberList[1].ID))
	if err := <-said; !errors.Is(err, bus.ErrKicked) {
		t.Fatalf("the one that waits was told %v", err)
	}
	publish(t, p, "1", "2", "3")
	if err := p.TryPublish([]byte("4")); !errors.Is(err, bus.ErrBackpressure) {
		t.Fatalf("with a subscription that is stuck: %v", err)
	}
	noError(t, b.Kick("t", st.SubscriberList[0].ID))
	publish(t, p, "4", "5", "6", "7", "8")
	if _, err := s.Receive(soon(t)); !errors.Is(err, bus.ErrKicked) || !strings.Contains(err.Error(), "subscribe again") {
		t.Fatalf("the kicked subscription was told %v", err)
	}
	f.Release()
	noError(t, s.Close())
	noError(t, waiting.Close())
	again := subscribe(t, b, "t", bus.Lossless(), bus.LastN(1))
	expect(t, again, "8")
	if err := b.Kick("t", 99); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "no lossless subscription 99, but 3") {
		t.Errorf("a subscription that is not there: %v", err)
	}
	subscribe(t, b, "t", bus.Lossy())
	subscribe(t, b, "t", bus.Group("w"))
	st, err = b.Stat("t")
	noError(t, err)
	for _, s := range st.SubscriberList {
		want := "is lossy, and holds nobody up; there is no need"
		if s.Group != "" {
			want = "is a member of group w, and cannot be kicked; end this process, and its frame"
		} else if s.Lossless {
			continue
		}
		if err := b.Kick("t", s.ID); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), want) {
			t.Errorf("one that cannot be kicked: %v, want %q", err, want)
		}
	}
	if err := b.Kick("u", 1); !errors.Is(err, bus.ErrNoTopic) {
		t.Errorf("a topic that is not there: %v", err)
	}
}
