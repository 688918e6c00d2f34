package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"shmbus/plugins"
)

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Show the version of busd",
		Long:    "Version shows the version of busd, of the plugin contract that it speaks, and of Go.",
		Example: "  busd version\n  busd --version",
		Args:    nothing,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(a.out, version())
			return printed(err)
		},
	}
}

func version() string {
	v := []string{"busd"}
	if info, ok := debug.ReadBuildInfo(); ok {
		v = append(v, built(info))
	}
	v = append(v, fmt.Sprintf("contract %d", plugins.Version), runtime.Version(), runtime.GOOS+"/"+runtime.GOARCH)
	return strings.Join(v, " ")
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
