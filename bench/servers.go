//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"shmbus/bench/native"
)

// The servers that peers need.
const (
	roudi = "iox-roudi"
	redis = "redis-server"
	nats  = "nats"
)

// A server is a process that the benchmark has started and ends.
type server struct {
	name  string
	addr  string
	cmd   *exec.Cmd
	in    io.WriteCloser // its end tells our own server to end
	lines chan string    // that it prints, as long as anybody wants them
	said  bytes.Buffer   // on its standard error
	ended chan struct{}
	done  sync.Once
}

// A serverError is why a server does not run: another one runs already, say.
type serverError struct{ name, why string }

func (e *serverError) Error() string { return e.name + " " + e.why }

// startServer starts a server and waits until it is ready.
func (l *lab) startServer(ctx context.Context, name string) (*server, error) {
	switch name {
	case roudi:
		if _, err := exec.LookPath(roudi); err != nil {
			return nil, &native.Missing{What: "program iox-roudi", Install: "apt-get install iceoryx"}
		}
		return start(ctx, name, func(string) bool { return true }, roudi, "-c", native.RouDiConfig(l.dir), "-m", "off", "-l", "error")
	case redis:
		if _, err := exec.LookPath(redis); err != nil {
			return nil, &native.Missing{What: "program redis-server", Install: "apt-get install redis-server (and stop the service it starts, if it does)"}
		}
		socket := filepath.Join(l.memory, "redis.sock")
		s, err := start(ctx, name, nil, redis, "--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no",
			"--daemonize", "no", "--dir", l.memory, "--client-output-buffer-limit", "pubsub 0 0 0")
		if err != nil {
			return nil, err
		}
		s.addr = socket
		return s, s.await(ctx, func() bool {
			c, err := net.Dial("unix", s.addr)
			if err == nil {
				c.Close()
			}
			return err == nil
		})
	case nats:
		return start(ctx, natsWord, func(line string) bool { return strings.HasPrefix(line, "nats://") }, l.self, natsWord)
	}
	return nil, fmt.Errorf("there is no server %q", name)
}

// start starts a program; if ready is given, it waits for a line for which it is true, and that is the server's address.
func start(ctx context.Context, name string, ready func(line string) bool, args ...string) (*server, error) {
	s := &server{name: name, cmd: exec.Command(args[0], args[1:]...), lines: make(chan string, 16), ended: make(chan struct{})}
	s.cmd.Stderr = &s.said
	// A group of its own: Ctrl-C is told to us, and we end it when nobody uses it any more. The kernel ends it if we are killed.
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	started := make(chan error)
	go func() {
		err := onThread(-1, s.cmd.Start)
		started <- err
		if err != nil {
			return
		}
		for in := bufio.NewScanner(out); in.Scan(); {
			select {
			case s.lines <- in.Text():
			default: // nobody wants to know
			}
		}
		_ = s.cmd.Wait()
		close(s.ended)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	for ready != nil {
		select {
		case line := <-s.lines:
			if ready(line) {
				s.addr, ready = line, nil
			}
		case <-s.ended:
			return nil, s.still()
		case <-ctx.Done():
			s.close()
			return nil, ctx.Err()
		case <-time.After(serverPatience):
			s.close()
			return nil, &serverError{name, fmt.Sprintf("is not ready after %v", serverPatience)}
		}
	}
	return s, nil
}

// colours are what programs write for terminals.
var colours = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// oneLine is what a program has said, for a message.
func oneLine(said []byte) string {
	return string(bytes.Join(bytes.Fields(colours.ReplaceAll(said, nil)), []byte(" ")))
}

const serverPatience = 30 * time.Second

// await looks again and again whether the server is ready.
func (s *server) await(ctx context.Context, ready func() bool) error {
	for end := time.Now().Add(serverPatience); !ready(); {
		select {
		case <-s.ended:
			return s.still()
		case <-ctx.Done():
			s.close()
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
			if time.Now().After(end) {
				s.close()
				return &serverError{s.name, "takes no connections"}
			}
		}
	}
	return nil
}

// still is an error if the server has ended.
func (s *server) still() error {
	select {
	case <-s.ended:
		return &serverError{s.name, strings.TrimSuffix(fmt.Sprintf("has ended: %v: %s", s.cmd.ProcessState, oneLine(s.said.Bytes())), ": ")}
	default:
		return nil
	}
}

// close ends the server; it removes what it has made itself.
func (s *server) close() {
	s.done.Do(func() {
		s.in.Close()
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		t := time.AfterFunc(10*time.Second, func() { _ = s.cmd.Process.Kill() })
		defer t.Stop()
		<-s.ended
	})
}
