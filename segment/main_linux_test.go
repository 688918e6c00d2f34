package segment

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"shmbus/internal/testproc"
)

// Helpers are what the test binary does when it is started again as another process. They talk in lines; what they print is
// read by the test, and they end with their input.
var helpers = map[string]func(args []string){}

const helperVar = "SEGMENT_TEST_HELPER"

func TestMain(m *testing.M) {
	name := os.Getenv(helperVar)
	if name == "" {
		os.Exit(m.Run())
	}
	help, ok := helpers[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "no helper %q\n", name)
		os.Exit(2)
	}
	help(os.Args[1:])
}

// A process is a running helper.
type process struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// startHelper starts a helper; attr may be nil.
func startHelper(t *testing.T, attr *syscall.SysProcAttr, helper string, args ...string) *process {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if attr != nil { // another user may not see where go test has put the binary
		binary = copyFile(t, binary, filepath.Join(sharedTemp(t), "helper"), 0o755)
	}
	line := slices.Concat(testproc.Runner(), []string{binary}, args)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env = append(os.Environ(), helperVar+"="+helper, "GORACE=atexit_sleep_ms=0")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = attr
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
	p := &process{t: t, cmd: cmd, in: in, out: bufio.NewReader(out)}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return p
}

// read is the next line the helper prints.
func (p *process) read() string {
	p.t.Helper()
	line, err := p.out.ReadString('\n')
	if err != nil {
		p.t.Fatalf("helper ended after %q: %v", line, err)
	}
	return strings.TrimSpace(line)
}

// want reads a line that must be the given one.
func (p *process) want(line string) {
	p.t.Helper()
	if got := p.read(); got != line {
		p.t.Fatalf("helper says %q, want %q", got, line)
	}
}

// rest is all the helper prints until it ends.
func (p *process) rest() string {
	p.t.Helper()
	p.in.Close()
	b, err := io.ReadAll(p.out)
	if err != nil {
		p.t.Fatal(err)
	}
	p.cmd.Wait()
	return strings.TrimSpace(string(b))
}

// kill ends the helper with SIGKILL and returns when it is gone.
func (p *process) kill() {
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

// waitForInput is for helpers: it returns with the next line, and ends the process if there is none.
func waitForInput() {
	if _, err := fmt.Scanln(new(string)); err != nil {
		os.Exit(0)
	}
}

// busDir is a new bus directory in shared memory.
func busDir(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(sharedTemp(t), "bus")
	if err := MakeDir(dir, Options{}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// sharedTemp is a temporary directory in shared memory that all users may enter.
func sharedTemp(t testing.TB) string {
	t.Helper()
	dir := testproc.MemoryDir(t)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// create makes a segment called "a" in a new directory.
func create(t testing.TB, o Options) *Segment {
	t.Helper()
	s, err := Create(busDir(t), "a", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// open opens a segment that must be fine.
func open(t testing.TB, dir, name string, a Access) *Segment {
	t.Helper()
	s, err := Open(dir, name, a)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// join takes a slot, which must be free.
func join(t testing.TB, s *Segment) *Participant {
	t.Helper()
	p, err := s.Join()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func copyFile(t testing.TB, from, to string, mode os.FileMode) string {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, mode); err != nil {
		t.Fatal(err)
	}
	return to
}

// must ends a helper that failed.
func must(err error) {
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}

// nobody runs a helper as a user who owns nothing; only root can.
func nobody(t *testing.T) *syscall.SysProcAttr {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, to start a process as another user")
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
}
