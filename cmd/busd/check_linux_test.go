package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestACheckSaysWhatKeepsAUserFromItsDirectory(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to run a plugin as another user")
	}
	r := newRig(t)
	dir := filepath.Join(r.top, "plugins")
	for _, d := range []struct {
		path string
		mode os.FileMode
	}{{r.top, 0o711}, {dir, 0o700}} {
		if err := os.Chmod(d.path, d.mode); err != nil {
			t.Fatal(err)
		}
	}
	manifest := "contract = \"bus\"\ncommand = [\"sleep\", \"600\"]\nuser = \"nobody\"\n"
	r.write("plugins/p.toml", manifest)
	want := fmt.Sprintf("PROBLEM   %s/p.toml: line 3: user: user nobody may not reach %s, because of %s: give that user x permission there, or set dir\n", dir, dir, dir)
	if got := r.does(1, "check"); !strings.Contains(got, want) {
		t.Errorf("%s; want %s", got, want)
	}
	r.write("plugins/p.toml", manifest+"dir = \"/\"\n")
	r.does(0, "check")
}
