//go:build linux

package main

import (
	"bytes"
	"context"
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
	if out, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty").Output(); err == nil {
		v["shmbus"] = string(bytes.TrimSpace(out))
	}
	return v
}
