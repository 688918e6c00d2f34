package testproc

import (
	"bufio"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long a helper may be silent.
const patience = 5 * time.Minute

// A Process is a running helper. It is killed with the test. Its methods fail the test and are for the test's goroutine.
type Process struct {
	t     testing.TB
	name  string
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines chan string
	ended bool
}

// Start starts a helper.
func Start(t testing.TB, helper string, args ...string) *Process {
	t.Helper()
	return StartUnder(t, nil, helper, args...)
}

// StartUnder starts a helper under another command.
func StartUnder(t testing.TB, wrap []string, helper string, args ...string) *Process {
	t.Helper()
	cmd, err := Command(wrap, helper, args...)
	if err != nil {
		t.Fatal(err)
	}
	return start(t, cmd, helper)
}

func start(t testing.TB, cmd *exec.Cmd, helper string) *Process {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &Process{t: t, name: helper, cmd: cmd, in: in, lines: make(chan string, 1024)}
	go func() {
		s := bufio.NewScanner(out)
		s.Buffer(nil, 1<<20)
		for s.Scan() {
			p.lines <- s.Text()
		}
		close(p.lines)
	}()
	t.Cleanup(func() {
		if !p.ended {
			p.Kill()
		}
	})
	return p
}

// Pid is the helper's process id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Say sends the helper a line.
func (p *Process) Say(line string) {
	p.t.Helper()
	if _, err := io.WriteString(p.in, line+"\n"); err != nil {
		p.t.Fatalf("helper %s: %v", p.name, err)
	}
}

// Line is the next line that the helper prints.
func (p *Process) Line() string {
	p.t.Helper()
	select {
	case l, ok := <-p.lines:
		if !ok {
			p.t.Fatalf("helper %s ended: %v", p.name, p.cmd.Wait())
		}
		return l
	case <-time.After(patience):
		p.t.Fatalf("helper %s says nothing", p.name)
	}
	return ""
}

// Lines is what the helper prints; it is closed when the helper has ended.
func (p *Process) Lines() <-chan string { return p.lines }

// Expect reads a line and fails the test if it does not begin with prefix. It returns the rest.
func (p *Process) Expect(prefix string) string {
	p.t.Helper()
	l := p.Line()
	rest, ok := strings.CutPrefix(l, prefix)
	if !ok {
		p.t.Fatalf("helper %s says %q, want %q", p.name, l, prefix)
	}
	return strings.TrimSpace(rest)
}

// Signal sends the helper a signal.
func (p *Process) Signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatalf("helper %s: %v", p.name, err)
	}
}

// Kill ends the helper as kill -9 does, and waits for its end.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	p.ended = true
}

// Wait closes the helper's input and waits for its end, which must be a success.
func (p *Process) Wait() {
	p.t.Helper()
	_ = p.in.Close()
	for range p.lines { // what nobody has asked for
	}
	if err := p.cmd.Wait(); err != nil {
		p.t.Fatalf("helper %s: %v", p.name, err)
	}
	p.ended = true
}

// CPU is the user and system time of a helper that has ended.
func (p *Process) CPU() time.Duration {
	s := p.cmd.ProcessState
	return s.UserTime() + s.SystemTime()
}
