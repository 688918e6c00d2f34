//go:build linux

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"shmbus/bench/native"
	"shmbus/bench/report"
)

// instead puts a shell script in the place of a program, which it finds as $INSTEAD.
func instead(t *testing.T, of, script string) {
	t.Helper()
	path, err := exec.LookPath(of)
	if err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, of), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("INSTEAD", path)
	t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
}

// TestWhatDoesNotCompileIsSkippedByName: all else can be measured.
func TestWhatDoesNotCompileIsSkippedByName(t *testing.T) {
	instead(t, "cc", `case "$*" in *memcpy.c*) echo memcpy.c:1:2: error: no such thing; echo more >&2; exit 1;; esac; exec "$INSTEAD" "$@"`)
	l, err := openLab(t.Context(), []string{noPeer}, false)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	if len(l.skipped) != 1 || !l.skipped[0].Broken || l.skipped[0].Name != report.MemcpyName || !strings.HasSuffix(l.skipped[0].Why, ": memcpy.c:1:2: error: no such thing") {
		t.Errorf("skipped: %+v", l.skipped)
	}
	for name, want := range map[string]bool{report.MemcpyName: false, report.FutexName: true, "shmbus block": true} {
		if got := slices.ContainsFunc(l.all, func(c contender) bool { return c.name == name }); got != want {
			t.Errorf("%s takes part: %v", name, got)
		}
	}
}

// TestACompilerThatIsInterruptedLeavesNothing: neither it nor what it has started removes its temporary files.
func TestACompilerThatIsInterruptedLeavesNothing(t *testing.T) {
	for _, c := range []struct {
		program, begun string
		use            func(ctx context.Context, l *lab) error
	}{
		{"cc", `*memcpy.c*`, func(ctx context.Context, l *lab) error { return l.prepare(ctx, contender{program: native.Memcpy}) }},
		{"go", `build*`, func(ctx context.Context, l *lab) error { return l.idleCommand(ctx, "buscat").err }},
	} {
		t.Run(c.program, func(t *testing.T) {
			dir, begun := t.TempDir(), filepath.Join(t.TempDir(), "begun")
			t.Setenv("TMPDIR", dir)
			l, err := openLab(t.Context(), []string{noPeer}, false)
			if err != nil {
				t.Fatal(err)
			}
			defer l.close()
			clear(l.built)
			t.Setenv("BEGUN", begun)
			instead(t, c.program, `case "$*" in `+c.begun+`) : >"${GOTMPDIR:-$TMPDIR}/left"; : >"$BEGUN"; exec sleep 600;; esac; exec "$INSTEAD" "$@"`)
			ctx, end := context.WithCancel(t.Context())
			said := make(chan error, 1)
			go func() { said <- c.use(ctx, l) }()
			patiently(t, "compiler that has begun", func() bool { _, err := os.Stat(begun); return err == nil })
			end()
			if err := <-said; err == nil {
				t.Error("it has compiled")
			}
			l.close()
			empty(t, dir)
		})
	}
}
