//go:build linux

package main

import (
	"errors"
	"os"
	"testing"

	"shmbus/internal/tempdir"
)

// TestALabRemovesWhatOthersHaveLeft: a benchmark that was killed before it had a cleaner leaves a directory in memory. Those of a lab stay, and what may be
// of another machine.
func TestALabRemovesWhatOthersHaveLeft(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	left, err := os.MkdirTemp(tempdir.Memory(), dirPrefix)
	if err != nil {
		t.Fatal(err)
	}
	remote, err := os.MkdirTemp("", dirPrefix)
	if err != nil {
		t.Fatal(err)
	}
	var labs [2]*lab
	for i := range labs {
		l, err := openLab(t.Context(), []string{noPeer}, false)
		if err != nil {
			t.Fatal(err)
		}
		defer l.close()
		labs[i] = l
	}
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", left, err)
	}
	if _, err := os.Stat(remote); err != nil {
		t.Error(err)
	}
	for _, l := range labs {
		for _, dir := range []string{l.dir, l.memory} {
			if _, err := os.Stat(dir); err != nil {
				t.Error(err)
			}
		}
	}
}
