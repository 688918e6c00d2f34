//go:build !shmbus_sched && !race

package mem

import (
	"os/exec"
	"strings"
	"testing"
)

// TestTheProductionBuildKnowsNoScheduler: without the tag shmbus_sched each operation is inlined where it is used, and nothing of the
// scheduler is compiled.
func TestTheProductionBuildKnowsNoScheduler(t *testing.T) {
	if testing.Short() {
		t.Skip("builds packages")
	}
	run := func(args ...string) string {
		t.Helper()
		out, err := exec.Command("go", args...).CombinedOutput()
		if err != nil {
			t.Skipf("go %v: %v\n%s", args, err, out) // no tool chain here
		}
		return string(out)
	}
	said := run("build", "-gcflags=-m", "shmbus/internal/mem", "shmbus/topics")
	for _, f := range []string{
		"(*Word).Load", "(*Word).Store", "(*Word).StoreRelease", "(*Word).CompareAndSwap", "(*Word).Add", "(*Plain).Get", "(*Plain).Set", "Copy",
	} {
		if !strings.Contains(said, "can inline "+f) {
			t.Errorf("%s cannot be inlined", f)
		}
		in := strings.Replace(f, "(*", "mem.(*", 1)
		if f == "Copy" {
			in = "mem.Copy"
		}
		if !strings.Contains(said, "inlining call to "+in) {
			t.Errorf("topics does not inline %s", f)
		}
	}
	if deps := run("list", "-deps", "shmbus/bus", "shmbus/topics", "shmbus/wake"); strings.Contains(deps, "internal/sched") {
		t.Error("a package imports the scheduler")
	}
	if files := run("list", "-f", "{{.GoFiles}}", "shmbus/internal/mem"); strings.Contains(files, "sched") {
		t.Errorf("internal/mem is compiled of %s", files)
	}
}
