//go:build linux

package main

import (
	"errors"
	"os"
	"testing"

	"shmbus/internal/tempdir"
)

// TestALabRemovesWhatOthersHaveLeft: a benchmark that was killed before it had a cleaner leaves directories. Those of a lab stay.
func TestALabRemovesWhatOthersHaveLeft(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var left []string
	for _, in := range []string{os.TempDir(), tempdir.Memory()} {
		dir, err := os.MkdirTemp(in, dirPrefix)
		if err != nil {
			t.Fatal(err)
		}
		left = append(left, dir)
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
	for _, dir := range left {
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there: %v", dir, err)
		}
	}
	for _, l := range labs {
		for _, dir := range []string{l.dir, l.memory} {
			if _, err := os.Stat(dir); err != nil {
				t.Error(err)
			}
		}
	}
}
