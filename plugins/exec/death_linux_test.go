package exec

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"shmbus/bus"
	"shmbus/internal/filelock"
	"shmbus/internal/testproc"
	"shmbus/plugins"
)

func init() {
	// eater takes memory, and keeps it.
	helpers["eater"] = func(*testproc.Peer) error {
		var all [][]byte
		for range 16 {
			b := make([]byte, 8<<20)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			all = append(all, b)
		}
		fmt.Println(len(all))
		select {}
	}
}

// pidsIn is the pids in a file, one a line, when there are n of them.
func pidsIn(t *testing.T, path string, n int) (pids []int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d pids in %s", n, path), func() bool {
		b, _ := os.ReadFile(path)
		pids = nil
		for line := range strings.Lines(string(b)) {
			if pid, err := strconv.Atoi(strings.TrimSpace(line)); err == nil && strings.HasSuffix(line, "\n") {
				pids = append(pids, pid)
			}
		}
		return len(pids) == n
	})
	return pids
}

func noneLives(t *testing.T, pids []int) {
	t.Helper()
	for _, pid := range pids {
		if alive(pid) {
			t.Errorf("process %d is alive", pid)
		}
	}
}

// forks has children in its group, and one that has left it, its session and its parent.
const forks = `sh -c 'echo $$ >>pids; trap "" TERM; while :; do sleep 1000; done' &
setsid sh -c 'echo $$ >>pids; sh -c "echo \$\$ >>pids; sleep 1000" & wait' &
(setsid sh -c 'echo $$ >>pids; exec sleep 1000' &)
echo $$ >>pids
`

func TestAllProcessesOfAPluginEndWithIt(t *testing.T) {
	dir := script(t, "it", forks+"wait\n")
	w := newWorldIn(t, dir, "contract = \"bus\"\nexecutable = \"it\"\ngrace = \"200ms\"\n")
	w.start()
	pids := pidsIn(t, filepath.Join(dir, "pids"), 5)
	w.stop()
	noneLives(t, pids)
}

func TestProcessesThatHaveChildrenQuickerThanTheyCanBeFoundEnd(t *testing.T) {
	dir := script(t, "it", "echo $$ >pids\nf() { f & }\nf\nexec sleep 1000\n")
	w := newWorldIn(t, dir, "contract = \"bus\"\nexecutable = \"it\"\n")
	w.start()
	group := pidsIn(t, filepath.Join(dir, "pids"), 1)[0]
	w.phase(plugins.Running)
	if err := unix.Kill(group, unix.SIGKILL); err != nil { // it ends by itself, as far as the runner knows
		t.Fatal(err)
	}
	w.phase(plugins.Backoff)
	if err := unix.Kill(-group, 0); !errors.Is(err, unix.ESRCH) {
		t.Errorf("there is somebody in the group: %v", err)
	}
}

func TestWhatAPluginLeavesIsEndedBeforeItIsStartedAgain(t *testing.T) {
	dir := script(t, "it", forks+"while [ $(wc -l <pids) -lt 5 ]; do sleep 0.01; done; exit 1\n")
	w := newWorldIn(t, dir, "contract = \"bus\"\nexecutable = \"it\"\n"+quick+"tries = 1\n")
	w.start()
	has(t, w.end(), "exit code 1")
	noneLives(t, pidsIn(t, filepath.Join(dir, "pids"), 5))
	w.told(Started, Ready, Exited, Leftovers, GivenUp)
}

func TestAPluginThatBecomesADaemonHasEnded(t *testing.T) {
	dir := script(t, "it", "(setsid sh -c 'echo $$ >>pids; exec sleep 1000' &)\nwhile [ ! -s pids ]; do sleep 0.01; done\n")
	w := newWorldIn(t, dir, "contract = \"bus\"\nexecutable = \"it\"\n")
	w.start()
	if how := w.end(); how != "<nil>" {
		t.Errorf("the runner ends with %s", how)
	}
	noneLives(t, pidsIn(t, filepath.Join(dir, "pids"), 1))
}

func TestAPluginThatDoesNotListenToSIGTERMIsKilled(t *testing.T) {
	w := newWorld(t, "contract = \"lines\"\ntopic = \"t\"\ngrace = \"100ms\"\ncommand = [\"sh\", \"-c\", \"trap '' TERM; echo deaf; while :; do sleep 1000; done\"]\n")
	s := w.lossless("t", bus.TopicOptions{})
	w.start()
	w.expect(s, "deaf")
	pid := w.phase(plugins.Running).Plugin.PID
	if how := w.stop(); how != "<nil>" {
		t.Errorf("the runner ends with %s", how)
	}
	noneLives(t, []int{pid})
	has(t, w.state().Problem, "SIGTERM", "killed")
}

func TestARunnerThatIsToldTwiceToStopDoesSoOnce(t *testing.T) {
	w := newWorld(t, "contract = \"lines\"\ntopic = \"t\"\ncommand = [\"sh\", \"-c\", \"trap 'echo ending; while [ ! -e go ]; do sleep 0.01; done; exit 0' TERM; echo up; while :; do sleep 0.01; done\"]\n")
	s := w.lossless("t", bus.TopicOptions{})
	w.start()
	w.expect(s, "up")
	w.runner.Signal(unix.SIGTERM)
	w.expect(s, "ending")
	w.runner.Signal(unix.SIGTERM)
	if err := os.WriteFile(filepath.Join(w.spec.Dir, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if how := w.end(); how != "<nil>" {
		t.Errorf("the runner ends with %s", how)
	}
	w.told(Stopping, Exited, Stopped)
	if st := w.state(); st.Phase != plugins.Stopped || !st.Told {
		t.Errorf("%+v", st)
	}
}

func TestAPluginMayWriteWhileItEnds(t *testing.T) {
	w := newWorld(t, "contract = \"lines\"\ntopic = \"t\"\ncommand = [\"sh\", \"-c\", \"trap 'echo last; exit 0' TERM; echo first; while :; do sleep 0.01; done\"]\n")
	s := w.lossless("t", bus.TopicOptions{})
	w.start()
	w.expect(s, "first")
	w.stop()
	w.expect(s, "last")
}

func TestAStoppedPluginCanBeStopped(t *testing.T) {
	w := newWorld(t, "contract = \"bus\"\ncommand = [\"sleep\", \"1000\"]\ngrace = \"1m\"\n")
	w.start()
	pid := w.phase(plugins.Running).Plugin.PID
	if err := unix.Kill(pid, unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if how := w.stop(); how != "<nil>" {
		t.Errorf("the runner ends with %s", how)
	}
}

func TestAPluginThatTakesTooMuchMemoryIsKilled(t *testing.T) {
	for name, wrap := range map[string]string{"itself": "", "by a child": `"sh", "-c", "sleep 0.5; \"$0\" & wait", `} {
		t.Run(name, func(t *testing.T) {
			command := strings.Replace(helper(t, "eater"), "[", "["+wrap, 1)
			w := newWorld(t, "contract = \"bus\"\n"+command+quick+"tries = 1\n[limits]\nmemory = \"64MiB\"\n")
			w.start()
			has(t, w.end(), "memory", strconv.Itoa(64<<20))
			w.told()
			if !slices.ContainsFunc(w.seen, func(e plugins.Event) bool { return e.Event == Memory }) {
				t.Errorf("%+v", w.seen)
			}
		})
	}
}

func TestAPluginWithinItsLimitsRunsOn(t *testing.T) {
	w := newWorld(t, `contract = "lines"
topic = "t"
command = ["sh", "-c", "sleep 0.1; ulimit -n; ulimit -Hn; nice; sleep 1000"]
[limits]
memory = "500MiB"
files = 77
nice = 7`)
	s := w.lossless("t", bus.TopicOptions{})
	w.start()
	w.expect(s, "77", "77", "7")
}

func TestTheNextRunnerEndsWhatAKilledOneHasLeft(t *testing.T) {
	dir := script(t, "it", "rm -f pids\n"+forks+"wait\n")
	w := newWorldIn(t, dir, "contract = \"bus\"\nexecutable = \"it\"\ngrace = \"200ms\"\n")
	w.start()
	main := w.phase(plugins.Running).Plugin.PID
	pids := pidsIn(t, filepath.Join(dir, "pids"), 5)
	w.kill()
	eventually(t, "the end of the plugin's main process", func() bool { return !alive(main) })
	w.start()
	w.until("another plugin", func(s plugins.State) bool { return s.Phase == plugins.Running && s.Plugin.PID != main })
	noneLives(t, pids)
	if !slices.Contains(w.told(), Leftovers) {
		t.Error("nothing was said about them")
	}
	pids = pidsIn(t, filepath.Join(dir, "pids"), 5)
	w.stop()
	noneLives(t, pids)
}

func TestANotedProcessIsEndedOnlyIfItIsTheOne(t *testing.T) {
	other := exec.Command("sleep", "1000")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		other.Process.Kill()
		other.Wait()
	}()
	noted, err := identity(other.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, "contract = \"bus\"\ncommand = [\"true\"]\n")
	for _, not := range []plugins.Process{
		{PID: noted.PID, Start: noted.Start + 1, Boot: noted.Boot},
		{PID: noted.PID, Start: noted.Start, Boot: "another"},
	} {
		if err := plugins.WriteJSON(w.nook.State(), plugins.State{Plugin: not}); err != nil {
			t.Fatal(err)
		}
		w.start()
		w.end()
		if !alive(noted.PID) {
			t.Fatal("it was ended")
		}
	}
	if err := plugins.WriteJSON(w.nook.State(), plugins.State{Plugin: noted}); err != nil {
		t.Fatal(err)
	}
	w.start()
	w.end()
	if err := other.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("the one that was meant: %v", err)
	}
}

func TestWithoutBusdAPluginGoesOnOrIsStopped(t *testing.T) {
	for _, orphan := range []string{"keep", "stop"} {
		t.Run(orphan, func(t *testing.T) {
			w := newWorld(t, "contract = \"lines\"\ntopic = \"t\"\ncommand = [\"sh\", \"-c\", \"while :; do echo x; sleep 0.01; done\"]\norphan = \""+orphan+"\"\n")
			busd, err := filelock.Try(w.spec.Place.Lock())
			if err != nil {
				t.Fatal(err)
			}
			w.start()
			s := w.subscribe("t", bus.WaitForTopic())
			w.expect(s, "x")
			pid := w.phase(plugins.Running).Plugin.PID
			if err := busd.Close(); err != nil {
				t.Fatal(err)
			}
			if orphan == "keep" {
				w.expect(s, "x", "x", "x", "x", "x")
				if s := w.state(); s.Phase != plugins.Running || s.Plugin.PID != pid {
					t.Errorf("%+v", s)
				}
				return
			}
			if how := w.end(); how != "<nil>" {
				t.Errorf("the runner ends with %s", how)
			}
			noneLives(t, []int{pid})
			w.told(Started, Ready, Orphaned, Stopping, Exited, Stopped)
		})
	}
}
