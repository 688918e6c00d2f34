package cli

import (
	"runtime"
	"runtime/debug"
	"strings"
)

// Version is the line that a program shows of itself: its version, what it speaks, Go's version and the platform.
func Version(program, speaks string) string {
	v := []string{program}
	if info, ok := debug.ReadBuildInfo(); ok {
		v = append(v, built(info))
	}
	return strings.Join(append(v, speaks, runtime.Version(), runtime.GOOS+"/"+runtime.GOARCH), " ")
}

// built is the module's version, with the revision if the version does not have it.
func built(info *debug.BuildInfo) string {
	v := info.Main.Version
	if v == "" {
		v = "(devel)"
	}
	set := map[string]string{}
	for _, s := range info.Settings {
		set[s.Key] = s.Value
	}
	if r := set["vcs.revision"]; len(r) >= 12 && !strings.Contains(v, r[:12]) {
		v += " " + r[:12]
		if set["vcs.modified"] == "true" {
			v += "+dirty"
		}
	}
	return v
}
