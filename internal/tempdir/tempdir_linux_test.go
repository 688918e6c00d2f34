package tempdir_test

import (
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"shmbus/internal/tempdir"
	"shmbus/internal/testproc"
)

const prefix = "shmbus-x-"

func TestMain(m *testing.M) {
	testproc.Main(m, map[string]testproc.Helper{"holds a directory": func(p *testproc.Peer) error {
		d, err := tempdir.New(p.Arg(0), prefix)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(d.Path, "file"), nil, 0o600); err != nil {
			return err
		}
		p.Say("%s", d.Path)
		p.Await()
		runtime.KeepAlive(d)
		return nil
	}})
}

func there(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// create makes a directory of this process.
func create(t *testing.T, parent string) *tempdir.Dir {
	t.Helper()
	d, err := tempdir.New(parent, prefix)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestTheDirectoryOfAKilledProcessIsRemoved, and no other one.
func TestTheDirectoryOfAKilledProcessIsRemoved(t *testing.T) {
	parent := t.TempDir()
	dead, alive := testproc.Start(t, "holds a directory", parent), testproc.Start(t, "holds a directory", parent)
	left, held := dead.Line(), alive.Line()
	mine := create(t, parent)
	others := map[string]func(path string) error{
		"shmbus-y-1":       func(path string) error { return os.Mkdir(path, 0o700) },
		prefix + "robot-1": func(path string) error { return os.Mkdir(path, 0o700) },
		prefix:             func(path string) error { return os.Mkdir(path, 0o700) },
		prefix + "1":       func(path string) error { return os.WriteFile(path, nil, 0o600) },
		prefix + "2":       func(path string) error { return os.Symlink(t.TempDir(), path) },
		prefix + "3": func(path string) error {
			if os.Geteuid() != 0 {
				return os.WriteFile(path, nil, 0o600) // only root can make what another one owns
			}
			if err := os.Mkdir(path, 0o700); err != nil {
				return err
			}
			return os.Chown(path, testproc.Nobody, testproc.Nobody)
		},
	}
	for name, create := range others {
		if err := create(filepath.Join(parent, name)); err != nil {
			t.Fatal(err)
		}
	}
	dead.Kill()
	next := create(t, parent)
	if there(left) {
		t.Error("the directory of the killed process is still there")
	}
	for _, path := range []string{held, filepath.Join(held, "file"), mine.Path, next.Path} {
		if !there(path) {
			t.Errorf("%s is gone, and its process lives", path)
		}
	}
	for name := range others {
		if !there(filepath.Join(parent, name)) {
			t.Errorf("%s is gone", name)
		}
	}
	if err := mine.Remove(); err != nil || there(mine.Path) {
		t.Errorf("what was removed is there: %v", err)
	}
	alive.Say("end")
	alive.Wait()
	create(t, parent)
	if there(held) {
		t.Error("the directory of the process that ended is still there")
	}
}

// TestASweepDoesNotTakeANewDirectory: one that it sees before it was locked is given up by who made it.
func TestASweepDoesNotTakeANewDirectory(t *testing.T) {
	parent := t.TempDir()
	var all sync.WaitGroup
	for range 3 { // each of which removes what the others hold no more
		all.Go(func() {
			for range 300 {
				d, err := tempdir.New(parent, prefix)
				if err != nil {
					t.Error(err)
					return
				}
				if err := os.WriteFile(filepath.Join(d.Path, "file"), nil, 0o600); err != nil {
					t.Error(err)
				}
				if err := d.Remove(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}
