package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"shmbus/internal/testproc"
)

// doctorDir is where a test may make a bus in shared memory.
func doctorDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(testproc.MemoryDir(t))
	if err != nil {
		t.Fatal(err)
	}
	noFault(t, os.Chmod(dir, 0o755))
	return filepath.Join(dir, "bus")
}

func noFault(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// buscatEnds runs buscat to its end, and wants an exit code.
func buscatEnds(t *testing.T, code int, dir string, args ...string) (stdout, stderr string) {
	t.Helper()
	return commandEnds(t, code, exec.Command("buscat", append([]string{"--bus", dir}, args...)...))
}

func commandEnds(t *testing.T, code int, c *exec.Cmd) (stdout, stderr string) {
	t.Helper()
	var out, errOut bytes.Buffer
	c.Stdout, c.Stderr = &out, &errOut
	_ = c.Run()
	if got := c.ProcessState.ExitCode(); got != code {
		t.Fatalf("%v: exit code %d, want %d\n%s%s", c.Args, got, code, out.String(), errOut.String())
	}
	return out.String(), errOut.String()
}

// diagnose is what doctor --json finds, without what depends on the machine that the test runs on.
func diagnose(t *testing.T, code int, dir string, args ...string) []findingJSON {
	t.Helper()
	out, _ := buscatEnds(t, code, dir, append([]string{"doctor", "--json"}, args...)...)
	return decodeFindings(t, out)
}

func decodeFindings(t *testing.T, out string) []findingJSON {
	t.Helper()
	var all, ours []findingJSON
	noFault(t, json.Unmarshal([]byte(out), &all))
	for _, f := range all {
		if f.Check == "" || f.Text == "" || f.Todo == "" && f.Grade != "info" {
			t.Errorf("a finding does not say everything: %+v", f)
		}
		switch f.Check {
		case "on-disk", "overlay", "small-shm", "nearly-full", "unseen", "remove-ipc":
		default:
			ours = append(ours, f)
		}
	}
	return ours
}

// checkList is findings as "grade check topic", one a line.
func checkList(all []findingJSON) string {
	var b strings.Builder
	for _, f := range all {
		fmt.Fprintln(&b, strings.TrimSpace(f.Grade+" "+f.Check+" "+f.Topic))
	}
	return b.String()
}

func wantChecks(t *testing.T, all []findingJSON, want ...string) {
	t.Helper()
	w := strings.Join(want, "\n")
	if got := strings.TrimSpace(checkList(all)); got != w {
		t.Fatalf("the doctor found\n%s\nwant\n%s\nin full: %+v", got, w, all)
	}
}

// findCheck is the one finding of a check.
func findCheck(t *testing.T, all []findingJSON, check string) findingJSON {
	t.Helper()
	for _, f := range all {
		if f.Check == check {
			return f
		}
	}
	t.Fatalf("no %s among\n%s", check, checkList(all))
	return findingJSON{}
}

// busHash is the contents and the modes of all files of a bus. Their times are changed by everybody who maps them for writing.
func busHash(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	noFault(t, err)
	all := ""
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		noFault(t, err)
		i, err := e.Info()
		noFault(t, err)
		all += fmt.Sprintf("%s %x %v\n", e.Name(), sha256.Sum256(data), i.Mode())
	}
	return all
}
