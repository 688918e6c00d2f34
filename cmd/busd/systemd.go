package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"shmbus/plugins"
)

// statusEvery is how often systemd is told how things are, if that has changed.
const statusEvery = 2 * time.Second

// ready tells systemd that busd is at work.
func (e *engine) ready() { e.notify("READY=1") }

// notify tells systemd something, if systemd has started this process.
func (e *engine) notify(state string) {
	if err := plugins.Notify(state); err != nil {
		e.log.Warn("systemd cannot be told", "state", state, "error", err)
	}
}

// tellSystemd tells how things are, and that the goroutine which looks after the plugins is at work: if it is not, systemd starts busd
// anew.
func (e *engine) tellSystemd(ctx context.Context) error {
	if os.Getenv(plugins.EnvNotify) == "" {
		<-ctx.Done()
		return nil
	}
	pause, watched := statusEvery, watchdog()
	if watched > 0 {
		pause = min(pause, watched/2)
	}
	tick := time.NewTicker(pause)
	defer tick.Stop()
	said := ""
	for {
		var lines []string
		if err := e.plugins.Alive(); err == nil {
			if watched > 0 {
				lines = append(lines, "WATCHDOG=1")
			}
			if now := status(e.plugins.Plugins(), e.plugins.Problem()); now != said {
				said = now
				lines = append(lines, "STATUS="+now)
			}
		}
		if len(lines) > 0 {
			e.notify(strings.Join(lines, "\n"))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			e.notify("STOPPING=1\nSTATUS=stopping the plugins")
			return nil
		}
	}
}

// watchdog is how long systemd waits for a sign of life; 0: it does not.
func watchdog() time.Duration {
	if pid := os.Getenv("WATCHDOG_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0
	}
	us, err := strconv.ParseInt(os.Getenv(plugins.EnvWatchdog), 10, 64)
	if err != nil || us < 1000 || us > int64(time.Hour/time.Microsecond) {
		return 0
	}
	return time.Duration(us) * time.Microsecond
}

// status is a line on how the plugins are.
func status(all []plugins.State, problem string) string {
	count := make(map[plugins.Phase]int)
	for _, st := range all {
		count[st.Phase]++
	}
	if len(all) == 0 {
		return strings.ReplaceAll(cmp.Or(problem, "no plugins"), "\n", "; ")
	}
	var parts []string
	for _, ph := range []plugins.Phase{plugins.Running, plugins.Starting, plugins.Stopping, plugins.Backoff, plugins.Stopped, plugins.Failed, plugins.Refused} {
		if count[ph] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count[ph], ph))
		}
	}
	s := "plugins: " + strings.Join(parts, ", ")
	if problem != "" {
		s += "; " + strings.ReplaceAll(problem, "\n", "; ")
	}
	return s
}
