package bus_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/internal/testproc"
)

func init() {
	helpers["every use"] = useEverything
	helpers["read on"] = readOn
	helpers["publish and receive"] = publishAndReceive
}

// useEverything says what each way to use the bus in Arg(0) answers.
func useEverything(peer *testproc.Peer) error {
	b, err := bus.Open(peer.Arg(0))
	if err != nil {
		return err
	}
	defer b.Close()
	say := func(use string, err error) { peer.Say("%s\t%v\t%v", use, errors.Is(err, fs.ErrPermission), err) }
	for _, m := range readerModes {
		_, err := b.Subscribe(context.Background(), "t", m.opts...)
		say("Subscribe "+m.name, err)
	}
	_, err = b.Publisher("t")
	say("Publisher", err)
	_, err = b.Stat("t")
	say("Stat", err)
	_, err = b.Topics()
	say("Topics", err)
	say("CreateTopic", b.CreateTopic("u", bus.TopicOptions{}))
	say("RemoveTopic", b.RemoveTopic("t"))
	return nil
}

// readOn taps topic t: it says each frame, from the oldest on, until it is told to end.
func readOn(peer *testproc.Peer) error {
	b, err := bus.Open(peer.Arg(0))
	if err != nil {
		return err
	}
	defer b.Close()
	s, err := b.Subscribe(context.Background(), "t", bus.ReadOnly(), bus.FromOldest())
	if err != nil {
		return err
	}
	if _, err := b.Stat("t"); err != nil {
		return err
	}
	if _, err := b.Topics(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		peer.Await()
		cancel()
	}()
	for f, err := range s.Frames(ctx) {
		if err != nil {
			break
		}
		peer.Say("%s", f.Bytes())
	}
	return s.Close()
}

// publishAndReceive publishes what it receives from topic "in" on topic "out".
func publishAndReceive(peer *testproc.Peer) error {
	b, err := bus.Open(peer.Arg(0))
	if err != nil {
		return err
	}
	defer b.Close()
	s, err := b.Subscribe(context.Background(), "in", bus.Lossless())
	if err != nil {
		return err
	}
	p, err := b.Publisher("out", bus.WithTopic(bus.TopicOptions{Policy: bus.PolicyLossless}))
	if err != nil {
		return err
	}
	peer.Say("ready")
	for f, err := range s.Frames(context.Background()) {
		if err != nil {
			return err
		}
		if err := p.Publish(context.Background(), f.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// everybodyEnters lets other users come as far as the bus directory.
func everybodyEnters(t *testing.T, dir string) { noError(t, os.Chmod(filepath.Dir(dir), 0o755)) }

func TestADirectoryOfAnotherUserIsAnErrorThatSaysSo(t *testing.T) {
	dir := newDir(t)
	everybodyEnters(t, dir)
	b := openAt(t, dir)
	p := publisher(t, b, "t", lossless)
	s := subscribe(t, b, "t", bus.Lossless())
	h := testproc.StartAs(t, testproc.Nobody, "every use", dir)
	for range len(readerModes) + 5 {
		line := strings.SplitN(h.Line(), "\t", 3)
		if line[1] != "true" {
			t.Errorf("%s: %s", line[0], line[2])
			continue
		}
		for _, w := range []string{"permission denied", dir, "mkdir -m"} {
			if !strings.Contains(line[2], w) {
				t.Errorf("%s: error %q does not say %q", line[0], line[2], w)
			}
		}
		if strings.Contains(line[2], "ReadOnly") { // which would be refused too
			t.Errorf("%s: error %q", line[0], line[2])
		}
	}
	h.Wait()
	publish(t, p, "still here")
	expect(t, s, "still here")
}

func TestTwoUsersShareADirectoryThatLetsThem(t *testing.T) {
	dir := newDir(t)
	everybodyEnters(t, dir)
	b := openAt(t, dir, bus.WithMode(0o777))
	p := publisher(t, b, "in", lossless)
	h := testproc.StartAs(t, testproc.Nobody, "publish and receive", dir)
	h.Expect("ready")
	s := subscribe(t, b, "out", bus.Lossless())
	for i := range 100 {
		publish(t, p, fmt.Sprint(i))
		expect(t, s, fmt.Sprint(i))
	}
	st, err := b.Stat("in")
	noError(t, err)
	if l := st.SubscriberList; len(l) != 1 || !l[0].Alive || l[0].Pid != h.Pid() {
		t.Errorf("the other's subscription is shown as %+v", l)
	}
	h.Kill()
	for i := range 20000 { // more than the ring holds: the dead one's gate must go
		noError(t, p.Publish(soon(t), fmt.Append(nil, i)))
	}
}

func TestAClaimOfAnotherUserThatDiedIsGivenUp(t *testing.T) {
	dir := newDir(t)
	everybodyEnters(t, dir)
	b := openAt(t, dir, bus.WithMode(0o777))
	p := publisher(t, b, "t", lossless)
	s := subscribe(t, b, "t", bus.Lossless())
	h := testproc.StartAs(t, testproc.Nobody, "hold a loan", dir, "10")
	h.Expect("lent")
	publish(t, p, "behind")
	h.Kill()
	expect(t, s, "behind")
}

// fileHashes are the contents, modes and times of change of a bus's files.
func fileHashes(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	noError(t, err)
	all := ""
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		noError(t, err)
		i, err := e.Info()
		noError(t, err)
		all += fmt.Sprintf("%s %x %v %v\n", e.Name(), sha256.Sum256(data), i.Mode(), i.ModTime())
	}
	return all
}

func TestATapOfAnotherOwnersBusChangesNoByte(t *testing.T) {
	for _, bell := range []fs.FileMode{0o600, 0o644} {
		dir := newDir(t)
		everybodyEnters(t, dir)
		b, err := bus.Open(dir, bus.WithMode(0o755))
		noError(t, err)
		p := publisher(t, b, "t", lossless)
		publish(t, p, "a", "b", "c")
		noError(t, b.Close())
		noError(t, os.Chmod(filepath.Join(dir, "main.bell"), bell))
		for name, mode := range map[string]fs.FileMode{"": 0o755, "main.seg": 0o644, "main.lease": 0o600, "bus.lock": 0o600, "main.bell": bell} {
			i, err := os.Stat(filepath.Join(dir, name))
			noError(t, err)
			if i.Mode().Perm() != mode {
				t.Errorf("%q has mode %v", name, i.Mode())
			}
		}
		before := fileHashes(t, dir)
		h := testproc.StartAs(t, testproc.Nobody, "read on", dir)
		for _, want := range []string{"a", "b", "c"} {
			h.Expect(want)
		}
		pause(300 * time.Millisecond) // it waits, and looks about
		if after := fileHashes(t, dir); after != before {
			t.Errorf("before:\n%safter:\n%s", before, after)
		}
		b = openAt(t, dir)
		publish(t, publisher(t, b, "t"), "d") // it goes on when others do
		h.Expect("d")
		h.Say("end")
		h.Wait()
	}
}
