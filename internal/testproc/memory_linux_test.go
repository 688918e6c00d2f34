package testproc

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func TestMain(m *testing.M) {
	Main(m, map[string]Helper{"holds a directory": func(p *Peer) error {
		dir, _, err := newMemoryDir(p.Arg(0))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
			return err
		}
		p.Say("%s", dir)
		p.Await()
		return nil
	}})
}

func there(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// TestTheDirectoryOfAKilledProcessIsRemoved, and no other one.
func TestTheDirectoryOfAKilledProcessIsRemoved(t *testing.T) {
	parent := t.TempDir()
	dead, alive := Start(t, "holds a directory", parent), Start(t, "holds a directory", parent)
	left, held := dead.Line(), alive.Line()
	mine, free, err := newMemoryDir(parent)
	if err != nil {
		t.Fatal(err)
	}
	defer free()
	others := map[string]func(path string) error{
		"shmbus-test-1":            func(path string) error { return os.Mkdir(path, 0o700) },
		memoryPrefix + "file":      func(path string) error { return os.WriteFile(path, nil, 0o600) },
		memoryPrefix + "elsewhere": func(path string) error { return os.Symlink(t.TempDir(), path) },
		memoryPrefix + "foreign": func(path string) error {
			if os.Geteuid() != 0 {
				return os.WriteFile(path, nil, 0o600) // only root can make what another one owns
			}
			if err := os.Mkdir(path, 0o700); err != nil {
				return err
			}
			return os.Chown(path, Nobody, Nobody)
		},
	}
	for name, create := range others {
		if err := create(filepath.Join(parent, name)); err != nil {
			t.Fatal(err)
		}
	}
	dead.Kill()
	sweepMemory(parent)
	if there(left) {
		t.Error("the directory of the killed process is still there")
	}
	for _, path := range []string{held, filepath.Join(held, "file"), mine} {
		if !there(path) {
			t.Errorf("%s is gone, and its process lives", path)
		}
	}
	for name := range others {
		if !there(filepath.Join(parent, name)) {
			t.Errorf("%s is gone", name)
		}
	}
	alive.Say("end")
	alive.Wait()
	sweepMemory(parent)
	if there(held) {
		t.Error("the directory of the process that ended is still there")
	}
}

// TestASweepDoesNotTakeANewDirectory: one that it sees before it was locked is given up by who made it.
func TestASweepDoesNotTakeANewDirectory(t *testing.T) {
	parent := t.TempDir()
	stop := make(chan struct{})
	var sweeps sync.WaitGroup
	for range 2 {
		sweeps.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					sweepMemory(parent)
				}
			}
		})
	}
	for range 1000 {
		dir, free, err := newMemoryDir(parent)
		if err != nil {
			t.Error(err)
			break
		}
		if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
			t.Error(err)
		}
		free()
	}
	close(stop)
	sweeps.Wait()
}

// TestAMemoryDirGoesWithItsTest.
func TestAMemoryDirGoesWithItsTest(t *testing.T) {
	var dirs []string
	t.Run("a test", func(t *testing.T) {
		dirs = []string{MemoryDir(t), MemoryDir(t)}
		for _, dir := range dirs {
			if !there(dir) {
				t.Errorf("%s is not there", dir)
			}
		}
	})
	for _, dir := range dirs {
		if there(dir) {
			t.Errorf("%s is still there", dir)
		}
	}
}
