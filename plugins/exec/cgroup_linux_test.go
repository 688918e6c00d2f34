package exec

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"shmbus/plugins"
)

// delegate makes a control group that is delegated, with one in it for runners; the test is skipped where that cannot be.
func delegate(t *testing.T) (above, own string) {
	t.Helper()
	mount := ""
	b, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); strings.Contains(line, " - cgroup2 ") {
			mount = f[4]
		}
	}
	if mount == "" {
		t.Skip("there are no control groups of version 2")
	}
	above = filepath.Join(mount, fmt.Sprintf("shmbus-test-%d-%d", os.Getpid(), testGroups))
	testGroups++
	own = filepath.Join(above, "busd")
	if err := os.MkdirAll(own, 0o755); err != nil {
		t.Skipf("needs permission to make a control group: %v", err)
	}
	t.Cleanup(func() {
		eventually(t, "an empty control group", func() bool {
			_ = unix.Rmdir(own)
			_ = unix.Rmdir(above)
			_, err := os.Stat(above)
			return os.IsNotExist(err)
		})
	})
	if err := unix.Setxattr(above, "user.delegate", []byte("1"), 0); err != nil {
		t.Skipf("a control group cannot be marked as delegated: %v", err)
	}
	return above, own
}

var testGroups int

func TestAPluginHasAControlGroupWhereOneIsDelegated(t *testing.T) {
	above, own := delegate(t)
	dir := script(t, "it", forks+"wait\n")
	w := newWorldIn(t, dir, "contract = \"bus\"\nexecutable = \"it\"\ngrace = \"200ms\"\n")
	w.group = own
	w.start()
	pids := pidsIn(t, filepath.Join(dir, "pids"), 5)
	for _, pid := range pids {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
		if err != nil {
			t.Fatal(err)
		}
		has(t, string(b), filepath.Base(above)+"/shmbus-p-")
	}
	main := w.phase(plugins.Running).Plugin.PID
	w.kill()
	w.start()
	w.until("another plugin", func(s plugins.State) bool { return s.Phase == plugins.Running && s.Plugin.PID != main })
	noneLives(t, pids)
	w.stop()
	if all, _ := filepath.Glob(filepath.Join(above, "shmbus-*")); len(all) > 0 {
		t.Errorf("left: %q", all)
	}
}

func TestWhatIsWrittenToAndReadFromAControlGroup(t *testing.T) {
	c := &cgroup{dir: t.TempDir()}
	if err := c.limit(64 << 20); err == nil {
		t.Error("a limit without a controller of memory")
	}
	put := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("memory.max", "")
	put("memory.events", "low 0\nhigh 2\nmax 7\noom 1\noom_kill 3\noom_group_kill 1\n")
	if err := c.limit(64 << 20); err != nil {
		t.Error(err)
	}
	if b, _ := os.ReadFile(filepath.Join(c.dir, "memory.max")); string(b) != "67108864" {
		t.Errorf("%q", b)
	}
	if n := c.outOfMemory(); n != 3 {
		t.Errorf("%d processes killed, want 3", n)
	}
}
