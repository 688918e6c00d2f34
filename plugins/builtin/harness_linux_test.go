package builtin

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/internal/testproc"
	"shmbus/plugins"
	"shmbus/plugins/plugintest"
)

func TestMain(m *testing.M) {
	testproc.Main(m, map[string]testproc.Helper{"builtin": func(p *testproc.Peer) error { plugins.Serve(All[p.Arg(0)].Run); return nil }})
}

// A trial is a plugin that is run as a runner does it, and held to the contract.
type trial struct {
	manifest *plugins.Manifest
	name     string
	frames   int    // at least so many have to come
	topic    string // where, with contract bus
	path     string // put before PATH
}

// run fails the test unless the plugin keeps to the contract: its handshake, its frames, what it tells, and that it ends when it is told to,
// with all of its processes.
func (r trial) run(t *testing.T) {
	dir := plugintest.NewDir(t)
	b, err := bus.Open(filepath.Join(dir, "bus"))
	noError(t, err)
	defer b.Close()
	for _, topic := range r.manifest.Topics {
		o, err := topic.Options()
		noError(t, err)
		noError(t, b.CreateTopic(topic.Name, o))
	}
	told := listen(t, filepath.Join(dir, "n"))
	cmd := r.command(t, b, dir)
	out, err := cmd.StdoutPipe()
	noError(t, err)
	var log bytes.Buffer
	cmd.Stderr = &log
	cmd.WaitDelay = plugintest.Patience
	noError(t, cmd.Start())
	timeout := time.AfterFunc(plugintest.Patience, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	defer timeout.Stop()
	defer func() {
		if t.Failed() {
			t.Logf("its log:\n%s", log.String())
		}
	}()

	read := make(chan error, 1)
	enough := make(chan struct{})
	go func() { read <- r.output(out, enough) }()
	fail := func(what string) {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-read
		_ = cmd.Wait()
		t.Fatal(what)
	}
	select {
	case <-enough:
	case err := <-read:
		read <- err
		fail(fmt.Sprintf("its output ends: %v", err))
	}
	if r.topic != "" {
		if err := r.subscribe(b); err != nil {
			fail(err.Error())
		}
	}
	if !told.await(func(n plugins.Notice) bool {
		return (n.Ready || !r.manifest.Notify && r.frames > 0) && (n.Watchdog || r.manifest.Watchdog == 0)
	}) {
		fail(fmt.Sprintf("it has told only %+v", told.notice()))
	}
	noError(t, syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM))
	if err := <-read; err != nil {
		t.Error(err)
	}
	err = cmd.Wait()
	if status := cmd.ProcessState.Sys().(syscall.WaitStatus); err != nil && status.Signal() != syscall.SIGTERM {
		t.Errorf("told to end, it ends with %v", err)
	}
	gone := func() bool { return errors.Is(syscall.Kill(-cmd.Process.Pid, 0), syscall.ESRCH) }
	if !await(gone) { // the signal was to all of them
		t.Error("it leaves processes")
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
}

// command is what starts the plugin.
func (r trial) command(t *testing.T, b *bus.Bus, dir string) *exec.Cmd {
	m := r.manifest
	var cmd *exec.Cmd
	switch {
	case m.Builtin != "":
		var err error
		cmd, err = testproc.Command(nil, "builtin", m.Builtin)
		noError(t, err)
	case m.Executable != "":
		cmd = exec.Command(m.Executable)
	default:
		cmd = exec.Command(m.Command[0], m.Command[1:]...)
	}
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Env = append(cmd.Env, "PATH="+r.path+string(os.PathListSeparator)+os.Getenv("PATH"))
	for k, v := range m.Env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	var names []string
	for _, topic := range m.Topics {
		names = append(names, topic.Name)
	}
	config := []byte("{}")
	if m.Config != nil {
		var err error
		config, err = json.Marshal(m.Config)
		noError(t, err)
	}
	cmd.Env = append(cmd.Env,
		plugins.EnvBus+"="+b.Dir(), plugins.EnvName+"="+r.name, plugins.EnvCookie+"="+plugins.Cookie, fmt.Sprintf("%s=%d", plugins.EnvVersions, plugins.Version),
		plugins.EnvTopics+"="+strings.Join(names, "\n"), plugins.EnvConfig+"="+string(config), plugins.EnvNotify+"="+filepath.Join(dir, "n"))
	if m.Watchdog > 0 {
		cmd.Env = append(cmd.Env, fmt.Sprintf("%s=%d", plugins.EnvWatchdog, time.Duration(m.Watchdog).Microseconds()))
	}
	cmd.Dir = m.Dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

// output reads standard output to its end, and closes enough when there were frames enough, or when they come another way.
func (r trial) output(out io.Reader, enough chan struct{}) error {
	in := bufio.NewReader(out)
	h := plugins.Handshake{Contract: r.manifest.Contract, Topic: r.manifest.Topic}
	if h.Contract == "" {
		line, err := in.ReadString('\n')
		if err != nil {
			return fmt.Errorf("its handshake: %q, %w", line, err)
		}
		if h, err = plugins.ParseHandshake(line); err != nil {
			return err
		}
	}
	if h.Contract == plugins.Direct {
		if r.topic == "" && r.frames > 0 {
			return errors.New("the test has to know its topic")
		}
		close(enough)
		_, err := io.Copy(io.Discard, in)
		return err
	}
	frames := plugins.NewFrameReader(in)
	for n := 1; ; n++ {
		var err error
		if h.Contract == plugins.Lines {
			_, err = in.ReadString('\n')
		} else {
			_, _, _, err = frames.Next()
		}
		switch {
		case err == io.EOF, errors.Is(err, io.ErrUnexpectedEOF) && n > r.frames: // the signal may have come in the middle of one
			return nil
		case err != nil:
			return err
		}
		if n == r.frames {
			close(enough)
		}
	}
}

// subscribe returns when the frames have come on the bus.
func (r trial) subscribe(b *bus.Bus) error {
	ctx, cancel := context.WithTimeout(context.Background(), plugintest.Patience)
	defer cancel()
	s, err := b.Subscribe(ctx, r.topic, bus.WaitForTopic(), bus.FromOldest())
	if err != nil {
		return err
	}
	defer s.Close()
	for range r.frames {
		f, err := s.Receive(ctx)
		if err != nil {
			return err
		}
		f.Release()
	}
	return nil
}

// A listener is the NOTIFY_SOCKET.
type listener struct {
	mu  sync.Mutex
	all plugins.Notice
}

func listen(t *testing.T, path string) *listener {
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	noError(t, err)
	t.Cleanup(func() { c.Close() })
	l := &listener{}
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := c.Read(b)
			if err != nil {
				return
			}
			got := plugins.ParseNotice(b[:n])
			l.mu.Lock()
			l.all.Ready = l.all.Ready || got.Ready
			l.all.Watchdog = l.all.Watchdog || got.Watchdog
			l.mu.Unlock()
		}
	}()
	return l
}

func (l *listener) notice() plugins.Notice {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all
}

// forget forgets what was told.
func (l *listener) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = plugins.Notice{}
}

func (l *listener) await(ok func(plugins.Notice) bool) bool {
	return await(func() bool { return ok(l.notice()) })
}

// await waits for something that nobody tells of; false if it does not come.
func await(ok func() bool) bool {
	for end := time.Now().Add(plugintest.Patience); !ok(); {
		if time.Now().After(end) {
			return false
		}
		time.Sleep(time.Millisecond) // not synchronisation: it looks again and again
	}
	return true
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// load reads the plugin NAME of a directory, as busd does.
func load(dir, name string) (*plugins.Manifest, error) {
	m, err := plugins.ReadManifest(filepath.Join(dir, name+".toml"), Check)
	if errors.Is(err, os.ErrNotExist) {
		return plugins.ParseManifest(fmt.Sprintf("executable = %q", name), dir)
	}
	return m, err
}
