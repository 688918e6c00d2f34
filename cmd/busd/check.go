package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"shmbus/internal/cli"
	"shmbus/plugins"
	"shmbus/plugins/exec"
	"shmbus/plugins/supervise"
	"shmbus/topics"
)

// checkPatience is for how long a check waits for files that are just being written.
const checkPatience = 6 * time.Second

func (a *app) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Say what would be run, and what is wrong with it",
		Long: `Check reads busd.toml, the plugin directory and all manifests, and shows for each
plugin what busd would run: its contract, command, topics, limits, and what happens
when it ends. It runs nothing. Problems are shown with file and line; if there are
any, the exit code is 1.`,
		Example: "  busd check\n  busd check --plugins ./plugins",
		Args:    cli.Nothing,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := a.settings(c)
			if err != nil {
				return err
			}
			all, err := look(c.Context(), s)
			if errors.Is(err, context.Canceled) {
				return err
			}
			return a.report(s, all, errors.Join(busDirectory(s.Bus), err))
		},
	}
}

// look looks at the plugin directory until it is at rest.
func look(ctx context.Context, s *settings) ([]supervise.Found, error) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(checkPatience); ; {
		all, err := supervise.Look(s.Plugins, s.Bus, s.place)
		unsettled := false
		for _, f := range all {
			unsettled = unsettled || f.Unsettled
		}
		if err != nil || !unsettled || time.Now().After(end) {
			return all, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// report prints what was found, and what is wrong with the directory as a whole. It returns errTold if there are problems.
func (a *app) report(s *settings, all []supervise.Found, wrong error) error {
	var b strings.Builder
	fmt.Fprintf(&b, "config   %s\nbus      %s\nstate    %s\nplugins  %s\n", s.from(), s.Bus, s.place, s.Plugins)
	for _, t := range s.Topics {
		fmt.Fprintf(&b, "topic    %s\n", describe(t))
	}
	if _, err := os.Stat(s.Plugins); err != nil {
		fmt.Fprintf(&b, "there is no plugin directory; 'busd run' waits for it\n")
	}
	if wrong != nil {
		problem(&b, wrong)
	}
	problems := 0
	for _, f := range all {
		wrong := f.Problem
		if f.Spec != nil {
			b.WriteString("\n")
			explain(&b, f.Spec)
			wrong = plugins.WrongIn(f.Path, exec.CheckReach(f.Spec))
		} else if f.Unsettled {
			wrong = errors.New("its files are being written")
		}
		if f.Manifest != nil {
			wrong = errors.Join(wrong, plugins.WrongIn(f.Path, f.Manifest.CheckDir()))
		}
		if wrong == nil {
			continue
		}
		problems++
		if f.Spec == nil {
			fmt.Fprintf(&b, "\n%s\n", f.Name)
		}
		problem(&b, wrong)
	}
	what := "plugins"
	if len(all) == 1 {
		what = "plugin"
	}
	fmt.Fprintf(&b, "\n%d %s, %d with problems\n", len(all), what, problems)
	if _, err := io.WriteString(a.out, b.String()); err != nil {
		return printed(err)
	}
	if problems > 0 || wrong != nil {
		return errTold
	}
	return nil
}

// problem says what is wrong, line by line.
func problem(b *strings.Builder, wrong error) {
	for line := range strings.Lines(wrong.Error()) {
		fmt.Fprintf(b, "  PROBLEM   %s\n", plain(strings.TrimSuffix(line, "\n")))
	}
}

// busDirectory says whether the bus's directory is, or can be, one.
func busDirectory(dir string) error {
	st, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil // 'busd run' makes it
	case err != nil:
		return fmt.Errorf("bus directory: %w", err)
	case !st.IsDir():
		return fmt.Errorf("bus directory: %s is not a directory", dir)
	}
	return nil
}

// explain says what is run.
func explain(b *strings.Builder, s *plugins.Spec) {
	line := func(key, format string, args ...any) {
		fmt.Fprintf(b, "  %-9s %s\n", key, plain(fmt.Sprintf(format, args...)))
	}
	fmt.Fprintf(b, "%s\n", s.Name)
	switch {
	case s.Contract == "" && s.Builtin != "":
		line("contract", "bus")
	case s.Contract == "":
		line("contract", "as its handshake says")
	default:
		line("contract", "%s", s.Contract)
	}
	switch {
	case s.Builtin != "":
		line("runs", "busd's own %s", s.Builtin)
	case s.Executable != "":
		line("runs", "%s", s.Executable)
	default:
		line("runs", "%q", s.Command)
	}
	line("in", "%s", s.Dir)
	if s.User != "" {
		line("as", "%s", s.User)
	}
	if s.Topic != "" {
		line("topic", "%s", s.Topic)
	}
	for _, t := range s.Topics {
		line("topic", "%s", describe(t))
	}
	if l := s.Limits; l != (plugins.Limits{}) {
		var parts []string
		if l.Memory > 0 {
			parts = append(parts, fmt.Sprintf("memory %d bytes", l.Memory))
		}
		if l.Files > 0 {
			parts = append(parts, fmt.Sprintf("files %d", l.Files))
		}
		if l.Nice != 0 {
			parts = append(parts, fmt.Sprintf("nice %d", l.Nice))
		}
		line("limits", "%s", strings.Join(parts, ", "))
	}
	r := s.Restart
	switch {
	case r.Policy == "never":
		line("restart", "never")
	case r.Tries < 0:
		line("restart", "%s, after %v to %v, for ever", r.Policy, time.Duration(r.First), time.Duration(r.Most))
	default:
		line("restart", "%s, after %v to %v, given up after %d failures in a row", r.Policy, time.Duration(r.First), time.Duration(r.Most), r.Tries)
	}
	if s.Watchdog > 0 {
		line("watchdog", "%v", time.Duration(s.Watchdog))
	}
	line("stop", "SIGTERM, SIGKILL after %v; when busd is killed: %s", time.Duration(s.Grace), s.Orphan)
}

// describe is a topic with what it does not leave to the bus, as the bus makes it.
func describe(t plugins.Topic) string {
	made, _ := topics.Geometry{Slots: t.Slots, CellSize: int(t.Cell)}.Normal() // what is wrong was told before
	s := t.Name
	add := func(given bool, format string, args ...any) {
		if given {
			s += ", " + fmt.Sprintf(format, args...)
		}
	}
	add(t.Policy != "", "%s", t.Policy)
	add(t.Slots > 0, "%d slots", made.Slots)
	add(t.Cell > 0, "cells of %d bytes", made.CellSize)
	add(t.Exclusive, "exclusive")
	add(t.NoTime, "no-time")
	add(t.Ephemeral, "ephemeral")
	return s
}
