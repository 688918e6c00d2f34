package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"shmbus/plugins"
)

// says fails the test unless the list of plugins begins with what is wanted.
func (r *rig) says(want string) {
	r.t.Helper()
	if out := r.does(exitOK, "plugins", "list"); !strings.Contains(out, want) {
		r.t.Errorf("it says %s; want %s", out, want)
	}
}

func TestTheListSaysWhichPluginsGoOnWithoutABusd(t *testing.T) {
	r := newRig(t)
	r.sleeper("a")
	r.sleeper("b")
	d := r.start()
	a, b := r.runner("a"), r.runner("b")
	_ = d.Process.Kill()
	_ = d.Wait()
	r.says("/bus; this is what the plugins' runners tell, which go on without it\n")
	for i, pid := range []int{a, b} {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		r.lists([]string{
			"/bus; 1 of its 2 plugins go on without it; this is what was told last$",
			"/bus; none of its plugins runs any more; this is what was told last$",
		}[i])
	}
	d = r.start()
	r.lists("^a +running")
	r.lists("^b +running")
	d.signal(syscall.SIGTERM)
	d.ends(exitOK)
	r.says("no busd runs on " + r.top + "/bus; none of its plugins runs any more; this is what was told last\n")
}

func TestABusdThatIsEndingIsToldOf(t *testing.T) {
	r := newRig(t)
	r.write("plugins/a.toml", "contract = \"bus\"\ncommand = [\"sleep\", \"600\"]\ngrace = \"1m\"\n")
	d := r.start()
	pid := r.runner("a")
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil { // so that it takes its time
		t.Fatal(err)
	}
	d.signal(syscall.SIGTERM)
	want := fmt.Sprintf("/bus (pid %d, since ", d.Process.Pid)
	r.lists(`the busd on .*/bus \(pid \d+, since .*\) is just starting or ending: ask again; this is what the plugins' runners have told last`)
	r.says(want)
	if out := r.does(exitError, "plugins", "stop", "a"); !strings.Contains(out, want) || !strings.Contains(out, "starting or ending: ask again") {
		t.Errorf("it says %s", out)
	}
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	d.ends(exitOK)
	r.says("none of its plugins runs any more")
}

func TestARunnerThatTheNextBusdCannotFindEnds(t *testing.T) {
	r := newRig(t)
	r.sleeper("a")
	d := r.start()
	first := r.runner("a")
	old := now(first)
	_ = d.Process.Kill()
	_ = d.Wait()
	if err := os.RemoveAll(string(r.place.Plugin("a"))); err != nil {
		t.Fatal(err)
	}
	d = r.start()
	eventually(t, "the first runner has ended", func() bool { return now(first) != old })
	r.lists("^a +running")
	second := r.runner("a")
	if err := os.Remove(r.place.Plugin("a").Lock()); err != nil { // while its busd runs
		t.Fatal(err)
	}
	eventually(t, "there is a third runner", func() bool { return r.runner("a") != second })
	d.signal(syscall.SIGTERM)
	d.ends(exitOK)
}

func TestALogOfBusdThatWasRemovedIsMadeAnew(t *testing.T) {
	r := newRig(t)
	d := r.start()
	r.lists("^NAME")
	if err := os.Remove(r.place.Log()); err != nil {
		t.Fatal(err)
	}
	r.sleeper("a")
	eventually(t, "it is there again", func() bool { _, err := os.Stat(r.place.Log()); return err == nil })
	d.signal(syscall.SIGTERM)
	d.ends(exitOK)
	if log, err := os.ReadFile(r.place.Log()); err != nil || !strings.Contains(string(log), "busd ends") {
		t.Errorf("%s, %v", log, err)
	}
}

func TestSocketsThatWereRemovedComeBack(t *testing.T) {
	r := newRig(t)
	r.sleeper("a")
	d := r.start()
	r.lists("^a +running")
	for _, path := range []string{r.place.Control(), r.place.Web()} {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		eventually(t, path+" is there again", func() bool { _, err := os.Lstat(path); return err == nil })
	}
	r.does(exitOK, "plugins", "stop", "a")
	c, err := net.Dial("unix", r.place.Web())
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	d.signal(syscall.SIGTERM)
	d.ends(exitOK)
	if _, err := os.Lstat(r.place.Web()); err == nil {
		t.Error("a socket is left")
	}
}

func TestABusdWithTheProcOfAnotherPidNamespaceIsRefused(t *testing.T) {
	r := newRig(t)
	d := r.command("run")
	d.Args = append([]string{"unshare", "--fork", "--pid", "--kill-child"}, d.Args...)
	var err error
	if d.Path, err = exec.LookPath("unshare"); err != nil || os.Geteuid() != 0 {
		t.Skipf("needs unshare, and root to make a pid namespace: %v", err)
	}
	d.start()
	d.ends(exitError)
	if out := d.err.String(); !strings.Contains(out, "/proc is not that of this pid namespace (this is process 1, and process ") {
		t.Errorf("it says %s", out)
	}
}

func TestABusdWhoseBusWasRemovedLeavesTheNextOneAlone(t *testing.T) {
	r := newRig(t)
	r.sleeper("a")
	first := r.start()
	runner := now(r.runner("a"))
	first.signal(syscall.SIGSTOP)                                     // so that its runner ends first
	if err := os.Rename(r.top+"/bus", r.top+"/removed"); err != nil { // as rm does, to who looks there
		t.Fatal(err)
	}
	next := r.start()
	eventually(t, "the first runner has ended", func() bool { return now(runner.PID) != runner })
	r.lists("^a +running")
	second := now(r.runner("a"))
	var st plugins.State
	if err := plugins.ReadJSON(r.place.Plugin("a").State(), &st); err != nil {
		t.Fatal(err)
	}
	first.signal(syscall.SIGCONT)
	first.ends(exitError)
	if out := first.err.String(); !strings.Contains(out, "was removed; start busd again") || strings.Contains(out, "plugin killed") {
		t.Errorf("it says %s", out)
	}
	if now(second.PID) != second || now(st.Plugin.PID) != st.Plugin {
		t.Errorf("the runner of the next busd, or its plugin, has ended: %s", next.err.String())
	}
	next.signal(syscall.SIGTERM)
	next.ends(exitOK)
}
