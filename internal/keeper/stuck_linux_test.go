package keeper

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/internal/testproc"
	"shmbus/plugins"
)

const quick = plugins.Duration(200 * time.Millisecond)

func TestAStoppedPublisherWithinAFrameIsKilledWhenOthersWaitBehindIt(t *testing.T) {
	b := newBus(t)
	p := start(t, "loan", b, "x")
	p.Signal(syscall.SIGSTOP)
	k := newKeeper(t, b, Config{Stuck: quick}, fakes{{Name: "plug", Plugin: plugins.Process{PID: p.Pid()}}})
	run(t, k)
	s, err := b.Subscribe(t.Context(), "x", bus.FromOldest())
	must(t, err)
	pub, err := b.Publisher("x")
	must(t, err)
	must(t, pub.Publish(t.Context(), []byte("behind")))
	f, err := s.Receive(soon(t))
	if err != nil || string(f.Bytes()) != "behind" {
		t.Fatalf("%v, %v", f, err)
	}
	e := event(t, tap(t, b, plugins.TopicEvents), "killed", "on x: publisher 1 has begun a frame and not finished it, at position 0 (2 slots)", "stuck = 200ms")
	if e["plugin"] != "plug" || toInt(e["pid"]) != int64(p.Pid()) {
		t.Errorf("%v", e)
	}
	for range p.Lines() { // they end with the process
	}
}

func TestAPublisherThatHoldsNobodyUpIsNotKilled(t *testing.T) {
	b := newBus(t)
	p := start(t, "loan", b, "x")
	p.Signal(syscall.SIGSTOP)
	k := newKeeper(t, b, Config{Stuck: quick}, nil)
	must(t, k.sweep(t.Context()))
	if len(k.claims) != 1 {
		t.Fatalf("claims: %v", k.claims)
	}
	k.claims[0].since = k.claims[0].since.Add(-time.Hour) // it is alone, and nothing is behind it
	for range 3 {
		must(t, k.sweep(t.Context()))
	}
	p.Signal(syscall.SIGCONT)
	p.Say("go on")
	p.Wait()
	must(t, k.sweep(t.Context()))
	if len(k.claims) != 0 {
		t.Errorf("claims: %v", k.claims)
	}
}

func TestNobodyIsKilledUnlessItIsConfigured(t *testing.T) {
	b := newBus(t)
	p := start(t, "loan", b, "x")
	pub, err := b.Publisher("x")
	must(t, err)
	must(t, pub.Publish(t.Context(), []byte("behind")))
	k := newKeeper(t, b, Config{}, nil)
	for range 3 {
		must(t, k.sweep(t.Context()))
	}
	p.Say("go on")
	p.Wait()
}

func TestWhoIsStuckBehindAnotherIsNotKilledBeforeIt(t *testing.T) {
	b := newBus(t)
	first, second := start(t, "loan", b, "x"), start(t, "loan", b, "x")
	first.Signal(syscall.SIGSTOP)
	pub, err := b.Publisher("x")
	must(t, err)
	must(t, pub.Publish(t.Context(), []byte("behind")))
	k := newKeeper(t, b, Config{Stuck: quick}, nil)
	must(t, k.sweep(t.Context()))
	for i := range k.claims {
		k.claims[i].since = k.claims[i].since.Add(-time.Hour)
	}
	must(t, k.sweep(t.Context()))
	event(t, tap(t, b, plugins.TopicEvents), "killed", "position 0")
	for range first.Lines() {
	}
	must(t, k.sweep(t.Context())) // the second is the oldest now, and that is new
	second.Say("go on")
	second.Wait()
}

func TestAPidOfAnotherNamespaceIsNotKilled(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to make a PID namespace")
	}
	if err := exec.Command("unshare", "--pid", "--fork", "true").Run(); err != nil {
		t.Skip("needs unshare, to make a PID namespace: ", err)
	}
	b := newBus(t)
	p := testproc.StartUnder(t, []string{"unshare", "--pid", "--fork", "--kill-child"}, "loan", b.Dir(), "x")
	p.Expect("open")
	pub, err := b.Publisher("x")
	must(t, err)
	must(t, pub.Publish(t.Context(), []byte("behind")))
	k := newKeeper(t, b, Config{Stuck: quick}, nil)
	must(t, k.sweep(t.Context()))
	k.claims[0].since = k.claims[0].since.Add(-time.Hour)
	for range 2 {
		must(t, k.sweep(t.Context()))
	}
	s, err := b.Stat(plugins.TopicEvents)
	if err != nil || s.Frames != 1 {
		t.Errorf("events: %d, %v; want 1", s.Frames, err)
	}
	e := event(t, tap(t, b, plugins.TopicEvents), "stuck", "another PID namespace", "not killed")
	if fmt.Sprint(e["pid"]) != "1" {
		t.Errorf("%v", e)
	}
	p.Say("go on")
	p.Wait()
}

func TestTheProcessesOfAPluginAreCountedTogether(t *testing.T) {
	cmd := exec.Command("sh", "-c", "head -c 200000000 /dev/zero | sha256sum >/dev/null; echo; cat")
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	defer cmd.Wait()
	defer in.Close()
	var newline [1]byte
	_, err = out.Read(newline[:])
	must(t, err)
	var p procs
	state := []plugins.State{{Name: "a", Plugin: plugins.Process{PID: cmd.Process.Pid}}, {Name: "none"}}
	var u []Usage
	now := time.Now()
	eventually(t, "sh and cat are seen", func() bool {
		now = now.Add(newMembers)
		u = p.look(state, now)
		return u[0].Processes == 2
	})
	if u[0].RSS <= 0 || u[0].CPU <= 0 || u[1] != (Usage{}) {
		t.Errorf("%+v", u)
	}
	state[0].Plugin.Start = 1
	if next := p.look(state, now); next[0] != (Usage{CPU: u[0].CPU}) {
		t.Errorf("another process of that pid was counted: %+v", next[0])
	}
}
