package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"shmbus/internal/testproc"
	"shmbus/plugins"
)

// patience is how long tests wait for something that should happen within a second: the machine may be busy.
const patience = 40 * time.Second

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "runner" || os.Args[1] == "builtin") { // busd starts its own program again, which is this one
		os.Exit(start())
	}
	testscript.Main(m, map[string]func(){"busd": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("SHMBUS_DIR", filepath.Join(e.WorkDir, "bus"))
			e.Setenv("XDG_CONFIG_HOME", filepath.Join(e.WorkDir, "etc"))
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"until": testproc.Until(patience)},
	})
}

// A rig is a bus with a plugin directory and a configuration, and processes of busd on it.
type rig struct {
	t     *testing.T
	top   string
	place plugins.Place
}

func newRig(t *testing.T) *rig {
	t.Helper()
	t.Parallel() // they mostly wait
	top := testproc.MemoryDir(t)
	r := &rig{t: t, top: top, place: plugins.PlaceOf(filepath.Join(top, "bus"))}
	t.Cleanup(r.endRunners)
	if err := os.Mkdir(filepath.Join(top, "plugins"), 0o755); err != nil {
		t.Fatal(err)
	}
	return r
}

// endRunners ends what a busd that was killed has left.
func (r *rig) endRunners() {
	dirs, _ := os.ReadDir(r.place.Plugins())
	for _, d := range dirs {
		var st plugins.State
		if plugins.ReadJSON(r.place.Plugin(d.Name()).State(), &st) == nil && st.Runner.PID > 1 && now(st.Runner.PID) == st.Runner {
			_ = syscall.Kill(st.Runner.PID, syscall.SIGTERM)
			eventually(r.t, d.Name()+" has ended", func() bool { return now(st.Runner.PID) != st.Runner })
		}
	}
}

func (r *rig) write(name, text string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.top, name), []byte(text), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// sleeper writes the manifest of a plugin that does nothing.
func (r *rig) sleeper(name string) {
	r.t.Helper()
	r.write("plugins/"+name+".toml", "contract = \"bus\"\ncommand = [\"sleep\", \"600\"]\n")
}

// A process is a busd.
type process struct {
	*exec.Cmd
	t        *testing.T
	out, err lockedBuffer
}

func (r *rig) command(args ...string) *process {
	r.t.Helper()
	args = append(args, "--bus", filepath.Join(r.top, "bus"), "--plugins", filepath.Join(r.top, "plugins"))
	p := &process{Cmd: exec.Command("busd", args...), t: r.t}
	p.Stdout, p.Stderr = &p.out, &p.err
	return p
}

// start starts 'busd run'.
func (r *rig) start(args ...string) *process {
	r.t.Helper()
	p := r.command(append([]string{"run"}, args...)...)
	p.start()
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

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
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

// does runs a busd command, and returns its output.
func (r *rig) does(code int, args ...string) string {
	r.t.Helper()
	p := r.command(args...)
	p.start()
	p.ends(code)
	return p.out.String() + p.err.String()
}

// lists waits until the list of plugins matches.
func (r *rig) lists(pattern string) {
	r.t.Helper()
	re := regexp.MustCompile("(?m)" + pattern)
	out := ""
	eventually(r.t, "list shows "+pattern, func() bool {
		p := r.command("plugins", "list")
		p.start()
		_ = p.Wait()
		out = p.out.String() + p.err.String()
		return re.MatchString(out)
	})
}

// runner waits until a plugin runs, and returns its runner's pid.
func (r *rig) runner(name string) int {
	r.t.Helper()
	var st plugins.State
	eventually(r.t, name+" runs", func() bool {
		return plugins.ReadJSON(r.place.Plugin(name).State(), &st) == nil && st.Phase == plugins.Running && now(st.Runner.PID) == st.Runner
	})
	return st.Runner.PID
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !f(); time.Sleep(5 * time.Millisecond) { // not synchronisation: it looks again and again
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// now is the process of a pid.
func now(pid int) (p plugins.Process) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return p
	}
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if fields[0] == "Z" {
		return p
	}
	p = plugins.Process{PID: pid, Boot: strings.TrimSpace(string(boot))}
	fmt.Sscan(fields[19], &p.Start)
	return p
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
