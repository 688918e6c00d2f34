//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"shmbus/bench/report"
)

// compiler puts a shell script in the place of the C compiler, which it finds as $CC.
func compiler(t *testing.T, script string) {
	t.Helper()
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("there is no C compiler")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "cc"), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CC", cc)
	t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
}

// TestWhatDoesNotCompileIsSkippedByName: all else can be measured.
func TestWhatDoesNotCompileIsSkippedByName(t *testing.T) {
	compiler(t, `case "$*" in *memcpy.c*) echo memcpy.c:1:2: error: no such thing; echo more >&2; exit 1;; esac; exec "$CC" "$@"`)
	l, err := openLab(t.Context(), []string{noPeer}, false)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	if len(l.skipped) != 1 || l.skipped[0].Name != report.MemcpyName || !strings.HasSuffix(l.skipped[0].Why, ": memcpy.c:1:2: error: no such thing") {
		t.Errorf("skipped: %q", l.skipped)
	}
	for name, want := range map[string]bool{report.MemcpyName: false, report.FutexName: true, "shmbus block": true} {
		if got := slices.ContainsFunc(l.all, func(c contender) bool { return c.name == name }); got != want {
			t.Errorf("%s takes part: %v", name, got)
		}
	}
}
