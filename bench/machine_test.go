//go:build linux

package main

import (
	"errors"
	"os/exec"
	"runtime/debug"
	"testing"
)

func TestTheVersionIsGitsOrTheBuildsOrItIsSaidWhyItIsUnknown(t *testing.T) {
	noted := []debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.modified", Value: "false"}}
	changed := []debug.BuildSetting{{Key: "vcs.modified", Value: "true"}, {Key: "vcs.revision", Value: "0123"}}
	fails := &exec.ExitError{Stderr: []byte("fatal: not a git repository\nand more\n")}
	for _, c := range []struct {
		noted []debug.BuildSetting
		out   string
		err   error
		want  string
	}{
		{noted, "v1-2-gabc\n", nil, "v1-2-gabc"},
		{noted, "", fails, "0123456789ab"},
		{changed, "", exec.ErrNotFound, "0123-dirty"},
		{nil, "", errors.New("no git"), "unknown: git describe: no git"},
		{nil, "half", fails, "unknown: git describe: <nil>, fatal: not a git repository"},
		{nil, "\n", nil, "unknown: git says nothing"},
	} {
		if got := ownVersion(c.noted, func() ([]byte, error) { return []byte(c.out), c.err }); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
