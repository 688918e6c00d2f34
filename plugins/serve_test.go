package plugins

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/internal/testproc"
)

var helpers = map[string]testproc.Helper{
	"plugin": func(*testproc.Peer) error { Serve(publishOne); return nil },
	"failing": func(*testproc.Peer) error {
		Serve(func(context.Context, *Plugin) error { return errors.New("no sensor") })
		return nil
	},
	"panicky": func(*testproc.Peer) error {
		Serve(func(context.Context, *Plugin) error { panic("oh dear") })
		return nil
	},
}

func TestMain(m *testing.M) { testproc.Main(m, helpers) }

// publishOne publishes one frame and waits for its end.
func publishOne(ctx context.Context, p *Plugin) error {
	c := struct {
		Text string `json:"text"`
	}{"by default"}
	if err := p.Config(&c); err != nil {
		return err
	}
	pub, err := p.Publisher("")
	if err != nil {
		return err
	}
	if err := pub.Publish(ctx, []byte(c.Text)); err != nil {
		return err
	}
	p.Alive()
	p.Alive() // it is not time yet
	p.Status("one\nframe")
	p.Ready()
	<-ctx.Done()
	return ctx.Err()
}

// needsABus skips tests where there is no backend for the bus.
func needsABus(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the bus has no backend on " + runtime.GOOS)
	}
}

// newDir is a directory with a short path, in memory, for a bus and sockets.
func newDir(t *testing.T) string {
	t.Helper()
	return testproc.MemoryDir(t)
}

type ended struct {
	out, err string
	code     int
}

// start starts a helper as a runner does, and gives what waits for its end.
func start(t *testing.T, helper string, env ...string) (*os.Process, func() ended) {
	t.Helper()
	cmd, err := testproc.Command(nil, helper)
	if err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.Env = append(cmd.Env, env...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd.Process, func() ended {
		_ = cmd.Wait()
		return ended{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
	}
}

func TestAPluginLivesAsTheContractSays(t *testing.T) {
	needsABus(t)
	dir := newDir(t)
	listen, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "n"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer listen.Close()
	b, err := bus.Open(filepath.Join(dir, "bus"))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	process, wait := start(t, "plugin", EnvCookie+"="+Cookie, EnvVersions+"=0 1 2", EnvName+"=mine", EnvBus+"="+b.Dir(), EnvTopics+"=a/b\nc\n",
		EnvConfig+`={"text":"hello"}`, EnvNotify+"="+filepath.Join(dir, "n"), EnvWatchdog+"=60000000")
	if err := listen.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	told := func() string {
		b := make([]byte, 200)
		n, err := listen.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
	for _, want := range []string{"WATCHDOG=1", "STATUS=one frame", "READY=1"} {
		if got := told(); got != want {
			t.Fatalf("it tells %q, want %q", got, want)
		}
	}
	if got := oneFrame(t, b, "a/b"); got != "hello" {
		t.Errorf("it has published %q", got)
	}
	if err := process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	end := wait()
	if end.code != 0 || end.out != "shmbus-plugin 1 bus\n" {
		t.Errorf("%+v", end)
	}
	if !strings.Contains(end.err, `"@module":"mine.bus"`) || !strings.Contains(end.err, `"@message":"topic made"`) {
		t.Errorf("its log is %q", end.err)
	}
}

func oneFrame(t *testing.T, b *bus.Bus, topic string) string {
	t.Helper()
	s, err := b.Subscribe(t.Context(), topic, bus.ReadOnly(), bus.FromOldest())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	f, err := s.Receive(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Release()
	return string(f.Bytes())
}

func TestAPluginThatFailsSaysWhyAndEndsWithOne(t *testing.T) {
	needsABus(t)
	env := []string{EnvCookie + "=" + Cookie, EnvVersions + "=1", EnvBus + "=" + newDir(t)}
	for helper, c := range map[string]struct {
		env  string
		code int
		want string
	}{
		"failing": {"A=B", 1, `"error":"no sensor"`},
		"panicky": {"A=B", 2, "panic: oh dear"},
		"plugin":  {EnvConfig + `={"txt":1}`, 1, `config.txt: there is no such key; there are text`},
	} {
		_, wait := start(t, helper, append(env, c.env)...)
		if end := wait(); end.code != c.code || end.out != "shmbus-plugin 1 bus\n" || !strings.Contains(end.err, c.want) {
			t.Errorf("%s: %+v, want %q", helper, end, c.want)
		}
	}
	_, wait := start(t, "plugin", env...)
	if end := wait(); end.code != 1 || !strings.Contains(end.err, "add [[topics]]") {
		t.Errorf("without a topic: %+v", end)
	}
	_, wait = start(t, "plugin", EnvCookie+"="+Cookie, EnvVersions+"=7 8")
	if end := wait(); end.code != 2 || end.out != "" || !strings.Contains(end.err, "version 1") || !strings.Contains(end.err, `"7 8"`) {
		t.Errorf("with other versions: %+v", end)
	}
}

func TestAPluginStartedByHandSaysWhatItIsAndHowToTryIt(t *testing.T) {
	needsABus(t)
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no shell here: ", err)
	}
	_, wait := start(t, "plugin", EnvCookie+"=")
	end := wait()
	if end.code != 2 || end.out != "" || !strings.Contains(end.err, "plugin directory") {
		t.Fatalf("%+v", end)
	}
	var line string
	for l := range strings.Lines(end.err) {
		if strings.HasPrefix(l, "  "+EnvCookie) {
			line = strings.TrimSpace(l)
		}
	}
	// The line as it stands, but on a bus of this test.
	line = strings.Replace(line, "/dev/shm/shmbus-try", newDir(t), 1)
	like, err := testproc.Command(nil, "failing")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(sh, "-c", line)
	cmd.Env = like.Env
	out, err := cmd.Output()
	if string(out) != "shmbus-plugin 1 bus\n" || cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("%q: %q, %v", line, out, err)
	}
}

func TestWordsAreQuotedForTheShell(t *testing.T) {
	for s, want := range map[string]string{"": "''", "./a-b_c": "./a-b_c", "a b": "'a b'", "it's": `'it'\''s'`, "ü": "'ü'", "$x": "'$x'"} {
		if got := quoteForShell(s); got != want {
			t.Errorf("%q: %s", s, got)
		}
	}
}
