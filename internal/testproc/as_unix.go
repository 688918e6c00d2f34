//go:build unix

package testproc

import (
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Nobody is the id of a user and of a group that own nothing.
const Nobody = 65534

// StartAs starts a helper as another user and group. Only root can: for others the test is skipped.
func StartAs(t testing.TB, id uint32, helper string, args ...string) *Process {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to start a process as another user")
	}
	cmd, err := Command(nil, helper, args...)
	if err != nil {
		t.Fatal(err)
	}
	at := len(Runner()) // where the test binary stands in the command
	cmd.Args[at] = visible(t, cmd.Args[at])
	if at == 0 {
		cmd.Path = cmd.Args[at]
	}
	cmd.Dir = filepath.Dir(cmd.Args[at])
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: id, Gid: id}}
	return start(t, cmd, helper)
}

// visible is a copy of the test binary where everybody may see it: go test puts it where its owner may.
func visible(t testing.TB, binary string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "testproc-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	copied := filepath.Join(dir, "helper")
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	from, err := os.Open(binary)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to, err := os.OpenFile(copied, os.O_CREATE|os.O_WRONLY, 0o700)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(to, from)
	if cerr := to.Chmod(0o755); err == nil {
		err = cerr
	}
	if cerr := to.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		t.Fatal(err)
	}
	return copied
}
