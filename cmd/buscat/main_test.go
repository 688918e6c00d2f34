package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"shmbus/bus"
	"shmbus/internal/testproc"
)

// patience is how long tests wait for something that should happen at once: the machine may be busy.
const patience = 20 * time.Second

// long says whether the long variants of the tests are asked for.
var long = os.Getenv("SHMBUS_LONG") != ""

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"buscat":   main,
		"pubvalue": pubValue,
		"holder":   holder,
		"grip":     grip,
	})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("SHMBUS_DIR", filepath.Join(e.WorkDir, "bus"))
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"until": testproc.Until(patience)},
	})
}

// pubValue is a process that publishes msgpack values which no line of text can bring about.
func pubValue() {
	fatal := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	b, err := bus.Open("")
	fatal(err)
	p, err := b.Publisher(os.Args[1])
	fatal(err)
	ctx := context.Background()
	type reading struct {
		Name  string             `msgpack:"name"`
		Value float64            `msgpack:"value"`
		Blob  []byte             `msgpack:"blob"`
		At    time.Time          `msgpack:"at"`
		By    map[int]string     `msgpack:"by"`
		More  map[string]float32 `msgpack:"more"`
	}
	fatal(p.Encode(ctx, reading{
		"a \"b\"\n", 1.5, []byte{1, 2, 3}, time.Unix(1700000000, 5e8).UTC(), map[int]string{7: "seven"}, map[string]float32{"x": 0.1},
	}))
	fatal(p.Publish(ctx, []byte("plain")))
	fatal(b.Close())
}

// holder is a process that begins a frame on a topic and does not finish it. It says so, and ends when its input does.
func holder() {
	b, err := bus.Open("")
	if err == nil {
		var p *bus.Publisher
		if p, err = b.Publisher(os.Args[1]); err == nil {
			_, err = p.Loan(context.Background(), 10)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("holding")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// A process is a buscat that runs beside the test.
type process struct {
	*exec.Cmd
	t   *testing.T
	err lockedBuffer
}

// command prepares a buscat process on a bus. Its standard error is collected.
func command(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command("buscat", append([]string{"--bus", dir}, args...)...), t: t}
	p.Stderr = &p.err
	return p
}

func (p *process) start() {
	p.t.Helper()
	if err := p.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		if p.ProcessState == nil {
			_ = p.Process.Kill()
			_ = p.Wait()
		}
	})
}

// ends waits for the end of the process, and wants its exit code to be code.
func (p *process) ends(code int) {
	p.t.Helper()
	timer := time.AfterFunc(patience, func() { _ = p.Process.Kill() })
	_ = p.Wait()
	if !timer.Stop() {
		p.t.Fatalf("%v did not end by itself; standard error: %s", p.Args, p.err.String())
	}
	if got := p.ProcessState.ExitCode(); got != code {
		p.t.Fatalf("%v: exit code %d, want %d; standard error: %s", p.Args, got, code, p.err.String())
	}
}

// says waits until the process has said something on standard error.
func (p *process) says(what string) {
	p.t.Helper()
	eventually(p.t, fmt.Sprintf("%v says %q", p.Args, what), func() bool { return strings.Contains(p.err.String(), what) })
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !f(); time.Sleep(time.Millisecond) { // not synchronisation: it looks again and again
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// openBus opens the test's own bus in shared memory if there is any.
func openBus(t *testing.T, o ...bus.Option) *bus.Bus {
	t.Helper()
	dir := testproc.MemoryDir(t)
	_ = os.Chmod(dir, 0o755)
	b, err := bus.Open(filepath.Join(dir, "bus"), o...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// A lockedBuffer is written by a process and read by the test at the same time.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
