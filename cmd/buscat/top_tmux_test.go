package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"shmbus/bus"
)

// A tmux is a terminal with something that runs in it.
type tmux struct {
	t      *testing.T
	socket string
}

// startTmux runs a command line in a terminal of that size.
func startTmux(t *testing.T, width, height int, line string, env ...string) *tmux {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		t.Skip("no tmux here to give top a terminal: ", err)
	}
	dir, err := os.MkdirTemp("", "tmux") // t.TempDir's name is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	m := &tmux{t, filepath.Join(dir, "s")}
	t.Cleanup(func() { _ = exec.Command("tmux", "-S", m.socket, "kill-server").Run() })
	args := []string{"new-session", "-d", "-x", strconv.Itoa(width), "-y", strconv.Itoa(height)}
	for _, e := range append(env, "LC_ALL=C.UTF-8") {
		args = append(args, "-e", e)
	}
	// The shell waits so that the terminal stays when the command has ended.
	m.run(append(args, line+`; echo "ended with $?"; cat`)...)
	return m
}

func (m *tmux) run(args ...string) string {
	m.t.Helper()
	out, err := exec.Command("tmux", append([]string{"-S", m.socket, "-f", os.DevNull, "-u"}, args...)...).CombinedOutput()
	if err != nil {
		m.t.Fatalf("tmux %q: %v: %s", args, err, out)
	}
	return string(out)
}

func (m *tmux) keys(keys ...string) {
	m.t.Helper()
	m.run(append([]string{"send-keys"}, keys...)...)
}

// shows waits until the screen matches, and returns it.
func (m *tmux) shows(pattern string) (screen string) {
	m.t.Helper()
	re := regexp.MustCompile(pattern)
	found := false
	defer func() {
		if !found {
			m.t.Logf("the screen:\n%s", screen)
		}
	}()
	eventually(m.t, fmt.Sprintf("%q on the screen", pattern), func() bool {
		screen = m.run("capture-pane", "-p")
		found = re.MatchString(screen)
		return found
	})
	return screen
}

// endless is a line, again and again.
type endless string

func (e endless) Read(p []byte) (int, error) { return copy(p, e), nil }

func TestTopOnATerminal(t *testing.T) {
	b := openBus(t)
	m := startTmux(t, 100, 30, "buscat --bus "+b.Dir()+" top --interval 100ms")
	m.shows(`waiting for the bus: .*/bus is not there yet`)

	publish := func(topic, line, rate string) *process {
		p := command(t, b.Dir(), "pub", "--rate", rate, topic)
		p.Stdin = endless(line + "\n")
		p.start()
		return p
	}
	publish("sensors/slow", "slow line", "20")
	publish("sensors/fast", "a faster one", "2000")
	publish("$own/x", "own", "10")
	gone := publish("logs/app", "log", "5")

	// Sorted by rate at first.
	m.shows(`(?s)TOPIC +FRAMES/S.*sensors/fast +[12][.0-9]*k .*[▁▂▃▄▅▆▇█].*\n  sensors/slow +[0-9.]+ .*logs/app.*by rate ▼  \(1 not shown\)`)
	m.keys("1")
	m.shows(`(?s)logs/app.*sensors/fast.*sensors/slow.*by name ▲`)
	m.keys("r")
	m.shows(`(?s)sensors/slow.*sensors/fast.*logs/app.*by name ▼`)
	m.keys("$")
	m.shows(`\$own/x +`)
	m.keys("$")

	// A filter, as it is typed and after that.
	m.keys("/", "sensors/*")
	if s := m.shows(`(?s)sensors/slow.*/sensors/\*▏`); strings.Contains(s, "logs/app") {
		t.Errorf("what does not match is shown:\n%s", s)
	}
	m.keys("Enter")
	m.shows(`filter sensors/\*  \(2 not shown\)`)

	// A topic and its frames.
	m.keys("Down", "Up", "Enter")
	m.shows(`(?s)^sensors/slow\n.*overwrite +8192 slots.*PUBLISHERS 1.*alive.*SUBSCRIBERS 0.*FRAMES.*TIME.*slow line\n.*slow line\n`)
	m.keys("p")
	m.shows("PAUSED")
	m.keys("p", "Escape")
	m.shows(`filter sensors`)
	m.keys("Escape")
	m.shows(`(?s)sensors/slow.*logs/app.*by name`)
	m.keys("?")
	m.shows(`reverse the order`)
	m.keys("x")

	// Topics go, and nobody has joined any.
	_ = gone.Process.Kill()
	_ = gone.Wait()
	if err := b.RemoveTopic("logs/app"); err != nil {
		t.Fatal(err)
	}
	if s := m.shows(`(?s) 2 topics .*sensors/slow`); strings.Contains(s, "logs/app") {
		t.Errorf("a removed topic is shown:\n%s", s)
	}
	if s, err := b.Stat("sensors/slow"); err != nil || s.Subscribers != 0 {
		t.Errorf("top has joined: %+v, %v", s, err)
	}

	// Every size.
	for _, size := range [][2]string{{"1", "1"}, {"20", "3"}, {"200", "50"}} {
		m.run("resize-window", "-x", size[0], "-y", size[1])
	}
	m.shows(`RATE +PUB`)
	m.keys("q")
	m.shows(`ended with 0`)
}

func TestTopEndsWhenItIsToldTo(t *testing.T) {
	b := openBus(t)
	if err := b.CreateTopic("a", bus.TopicOptions{}); err != nil {
		t.Fatal(err)
	}
	m := startTmux(t, 80, 24, `sh -c 'echo $$ > `+b.Dir()+`/pid; exec buscat --bus `+b.Dir()+` top'`, "NO_COLOR=1")
	m.shows(`› a `)
	if s := m.run("capture-pane", "-p", "-e"); regexp.MustCompile(`\x1b\[[0-9;]*3[0-7]`).MatchString(s) {
		t.Errorf("colours though NO_COLOR is set: %q", s)
	}
	pid, err := os.ReadFile(filepath.Join(b.Dir(), "pid"))
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("kill", strings.TrimSpace(string(pid))).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if s := m.shows(`ended with \d+`); strings.Contains(s, "TOPIC") {
		t.Errorf("the terminal is not as it was:\n%s", s)
	}
}

// TestTopIsSuspendedAndGoesOn under a shell with job control; without one, where nothing stops, it just goes on.
func TestTopIsSuspendedAndGoesOn(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("no bash here for its job control: ", err)
	}
	b := openBus(t)
	for i := range 50 {
		if err := b.CreateTopic(fmt.Sprintf("t%02d", i), bus.TopicOptions{Slots: 8, MaxPublishers: 1, MaxSubscribers: 1}); err != nil {
			t.Fatal(err)
		}
	}
	top := "buscat --bus " + b.Dir() + " top --interval 100ms --sort name"
	m := startTmux(t, 80, 20, `env PS1="prompt: " bash --norc --noprofile -i`)
	m.shows(`(?m)^prompt: *$`)
	m.keys("echo before", "Enter", top, "Enter")
	m.shows(`(?m)^› t00 `)
	m.keys("PageDown", "Down")
	m.shows(`(?m)^› t17 `)
	for range 2 {
		m.keys("C-z")
		if s := m.shows(`(?m)Stopped.*\n(.*\n)*prompt: *$`); !strings.Contains(s, "before") || strings.Contains(s, "TOPIC") {
			t.Errorf("the shell's screen is not as it was:\n%s", s)
		}
		if err := b.RemoveTopic("t18"); err != nil {
			t.Fatal(err)
		}
		m.keys("fg", "Enter")
		m.shows(`(?s)49 topics .*\n› t17 .*rows \d+ to \d+ of 49`)
		if err := b.CreateTopic("t18", bus.TopicOptions{Slots: 8, MaxPublishers: 1, MaxSubscribers: 1}); err != nil {
			t.Fatal(err)
		}
		m.shows(`50 topics `)
	}
	m.keys("Home")
	m.shows(`(?m)^› t00 `)
	m.keys("q")
	m.shows(`(?m)^prompt: *$`)

	alone := startTmux(t, 80, 20, top) // its group has no parent in the session, so that the kernel does not stop it
	alone.shows(`(?m)^› t00 `)
	alone.keys("C-z", "Down")
	alone.shows(`(?m)^› t01 `)
	alone.keys("C-c")
	alone.shows(`ended with 130`)
}
