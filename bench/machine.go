//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"

	"golang.org/x/sys/unix"
)

// machine is what is measured on.
func machine() map[string]string {
	m := map[string]string{"CPUs": fmt.Sprint(cpus()), "Go": runtime.Version()}
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range bytes.Lines(b) {
			if k, v, ok := bytes.Cut(line, []byte(":")); ok && string(bytes.TrimSpace(k)) == "model name" {
				m["processor"] = string(bytes.TrimSpace(v))
				break
			}
		}
	}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		m["kernel"] = unix.ByteSliceToString(u.Release[:]) + " " + unix.ByteSliceToString(u.Machine[:])
	}
	if b, err := os.ReadFile("/proc/loadavg"); err == nil {
		m["load before"] = strings.Join(strings.Fields(string(b))[:1], "")
	}
	return m
}

// debianPackages are those whose versions are shown, by contender.
var debianPackages = map[string]string{"iceoryx": "libiceoryx-posh-dev", "ZeroMQ": "libzmq3-dev", "nng": "libnng-dev", "Redis": "redis-server", "compiler": "gcc"}

// modules are the peers in Go.
var modules = map[string]string{
	"mangos": "go.nanomsg.org/mangos/v3", "NATS, server": "github.com/nats-io/nats-server/v2", "NATS, client": "github.com/nats-io/nats.go",
	"shmipc-go": "github.com/cloudwego/shmipc-go",
}

// versions are those of the peers, as far as the machine can tell.
func (l *lab) versions(ctx context.Context) map[string]string {
	v := make(map[string]string)
	for name, pkg := range debianPackages {
		out, err := exec.CommandContext(ctx, "dpkg-query", "-W", "-f", "${Version}", pkg).Output()
		if err == nil && len(out) > 0 {
			v[name] = string(out)
		}
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			for name, path := range modules {
				if d.Path == path {
					v[name] = d.Version
				}
			}
		}
	}
	v["shmbus"] = ownVersion(debugSettings(), func() ([]byte, error) {
		return exec.CommandContext(ctx, "git", "describe", "--always", "--dirty").Output()
	})
	return v
}

func debugSettings() []debug.BuildSetting {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Settings
	}
	return nil
}

// ownVersion is that of shmbus: what git says of the directory, or else what was noted when this program was built, or else why it is unknown.
func ownVersion(noted []debug.BuildSetting, describe func() ([]byte, error)) string {
	out, err := describe()
	if out = bytes.TrimSpace(out); err == nil && len(out) > 0 {
		return string(out)
	}
	about := make(map[string]string)
	for _, s := range noted {
		about[s.Key] = s.Value
	}
	if rev := about["vcs.revision"]; rev != "" {
		if rev = rev[:min(len(rev), 12)]; about["vcs.modified"] == "true" {
			rev += "-dirty"
		}
		return rev
	}
	why := "git says nothing"
	if err != nil {
		why = "git describe: " + err.Error()
		if e, ok := errors.AsType[*exec.ExitError](err); ok && len(e.Stderr) > 0 {
			said, _, _ := strings.Cut(strings.TrimSpace(string(e.Stderr)), "\n")
			why += ", " + said
		}
	}
	return "unknown: " + why
}
