package supervise

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"shmbus/plugins"
)

func TestAPluginWhoseFilesAreBeingWrittenIsRestartedOnceTheyAreWhole(t *testing.T) {
	r := newRig(t)
	r.manifest("a", "")
	r.start()
	pid := r.runs("a")
	var f *os.File
	// restart has it restarted while its manifest gets another line.
	restart := func(line string) {
		t.Helper()
		var err error
		if f, err = os.OpenFile(filepath.Join(r.dir, "a.toml"), os.O_WRONLY|os.O_APPEND, 0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		if _, err := io.WriteString(f, line); err != nil {
			t.Fatal(err)
		}
		r.until("it is seen", func() (seen bool) {
			_ = r.s.call(func() { seen = r.s.entries["a"].found.Unsettled })
			return seen
		})
		if err := r.s.Restart("a"); err != nil {
			t.Fatal(err)
		}
		if st := r.state("a"); st.Phase != plugins.Running || st.Runner.PID != pid {
			t.Errorf("%+v; it was runner %d", st, pid)
		}
		if r.s.settled("a") {
			t.Error("nothing is under way")
		}
	}

	restart("nonsense = 1\n")
	f.Close()
	if st := r.is("a", plugins.Running, "older than its files", "nonsense"); st.Runner.PID != pid {
		t.Errorf("runner %d, was %d", st.Runner.PID, pid)
	}
	if !r.s.settled("a") {
		t.Error("something is under way")
	}
	r.manifest("a", "")
	r.until("the problem is over", func() bool { return r.state("a").Problem == "" })
	if st := r.is("a", plugins.Running); st.Runner.PID != pid {
		t.Errorf("runner %d, was %d: what was refused is not done later", st.Runner.PID, pid)
	}

	restart("# the same\n")
	f.Close()
	r.runs("a", pid)
	r.until("it is done", func() bool { return r.s.settled("a") })
}
