package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"shmbus/internal/cli"
	"shmbus/internal/filelock"
	"shmbus/plugins"
	"shmbus/plugins/supervise"
)

func (a *app) pluginsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "plugins",
		Short: "Show plugins and their logs; start, stop and restart them",
		Long: `Plugins talks to the busd of the bus over a socket in its state directory, which
only busd's user and root may use. Without a busd, list and logs still show what
the plugins have told: those of a busd that was killed go on without it.`,
		Example: `  busd plugins list
  busd plugins restart NAME
  busd plugins logs -f NAME`,
		Args: cli.Nothing,
	}
	c.RunE = func(c *cobra.Command, _ []string) error {
		return usage(c, "say what to do: list, logs, start, stop or restart")
	}
	c.AddCommand(
		a.listCommand(), a.logsCommand(),
		a.tellCommand("start", "Start plugins that were stopped, have ended, or were given up",
			"Start starts plugins that do not run. It returns when each of them runs, or has ended.\nOne that runs is left alone.", "  busd plugins start camera"),
		a.tellCommand("stop", "Stop plugins",
			"Stop stops plugins, and returns when they have ended. They stay stopped until they are\nstarted or restarted, until their files change, or until the next start of busd.", "  busd plugins stop camera lidar"),
		a.tellCommand("restart", "Stop plugins, and start them anew",
			"Restart stops plugins and starts them anew, also those that were given up or stopped.\nIt returns when each of them runs, or has ended.", "  busd plugins restart camera"),
	)
	return c
}

func (a *app) listCommand() *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use:   "list",
		Short: "Show the plugins",
		Long: `List shows each plugin with its phase, for how long it has been in it, its process,
how often it was restarted, how many frames were published for it (by runners:
plugins of contract bus publish themselves), and what it or busd has to say.

Phases are starting, running, backoff (it failed and is started again), stopping,
stopped (it ended as it was to), failed (it was given up) and refused (busd does
not start it).`,
		Example: "  busd plugins list\n  busd plugins list --json | jq -r 'select(.phase == \"failed\").name'",
		Args:    cli.Nothing,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := a.settings(c)
			if err != nil {
				return err
			}
			all, err := a.list(c.Context(), s)
			if err != nil {
				return err
			}
			return printed(a.show(all, asJSON))
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print each plugin's state as JSON, one a line")
	return c
}

// list is the plugins as busd knows them, or as their runners have told if there is none.
func (a *app) list(ctx context.Context, s *settings) (all []plugins.State, err error) {
	err = supervise.Ask(ctx, s.place, supervise.Request{Do: "list"}, func(w supervise.Answer) error {
		if w.Error != "" && w.Done { // that is all there is: it has not listed anything
			return errors.New(w.Error)
		}
		if w.Error != "" {
			a.say("%s", w.Error)
		}
		if w.Plugin != nil {
			all = append(all, *w.Plugin)
		}
		return nil
	})
	if !errors.Is(err, supervise.ErrNoBusd) {
		return all, err
	}
	all, err = supervise.Offline(s.place)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, noBusd(s)
	}
	if err == nil {
		a.say("%s", alone(s, all))
	}
	return all, err
}

// noBusd is the error of a command that needs a busd, and has none to talk to.
func noBusd(s *settings) error {
	if who := underWay(s); who != "" {
		return errors.New(who)
	}
	return fmt.Errorf("no busd runs on %s (its state would be in %s); start one with 'busd run'", s.Bus, s.place)
}

// alone says what becomes of plugins whose busd cannot be talked to.
func alone(s *settings, all []plugins.State) string {
	if who := underWay(s); who != "" {
		return who + "; this is what the plugins' runners have told last"
	}
	alive := 0
	for _, st := range all {
		if st.Runner.PID != 0 {
			alive++
		}
	}
	what := ""
	switch alive {
	case 0:
		what = "none of its plugins runs any more; this is what was told last"
	case len(all):
		what = "this is what the plugins' runners tell, which go on without it"
	default:
		what = fmt.Sprintf("%d of its %d plugins go on without it; this is what was told last", alive, len(all))
	}
	return fmt.Sprintf("no busd runs on %s; %s", s.Bus, what)
}

// underWay says that there is a busd though nobody listens; "" if there is none. It listens from shortly after it has taken its locks until it is told to
// end; then its plugins take their time.
func underWay(s *settings) string {
	held := func(path string) bool {
		held, err := filelock.Held(path)
		return err == nil && held
	}
	switch whole := plugins.BusLock(s.Bus); {
	case held(s.place.Lock()):
		return fmt.Sprintf("the busd on %s (%s) is just starting or ending: ask again", s.Bus, holder(s.place.Lock()))
	case held(whole):
		return fmt.Sprintf("the busd on %s (%s) has another state directory than %s: give the --config that it has", s.Bus, holder(whole), s.place)
	}
	return ""
}

func (a *app) show(all []plugins.State, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(a.out)
		for _, st := range all {
			if err := enc.Encode(st); err != nil {
				return err
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tPHASE\tFOR\tCONTRACT\tPID\tRESTARTS\tFRAMES\tSAYS")
	for _, st := range all {
		pid := "-"
		if st.Plugin.PID != 0 {
			pid = fmt.Sprint(st.Plugin.PID)
		}
		frames := "-"
		if st.Contract == plugins.Lines || st.Contract == plugins.Frames {
			frames = fmt.Sprint(st.Frames)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n",
			plain(st.Name), st.Phase, age(st.Since), cmp.Or(plain(string(st.Contract)), "-"), pid, st.Restarts, frames, plain(cmp.Or(st.Problem, st.Status)))
	}
	return w.Flush()
}

// age is for how long something has been so, roughly.
func age(since time.Time) string {
	d := time.Since(since)
	switch {
	case since.IsZero() || d < 0:
		return "-"
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd", d/(24*time.Hour))
}

// plain is a text on one line that does nothing to a terminal: plugins can say what they like.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

// tellCommand is a command that tells busd to do something with plugins.
func (a *app) tellCommand(do, short, long, example string) *cobra.Command {
	return &cobra.Command{
		Use:     do + " NAME...",
		Short:   short,
		Long:    long,
		Example: example,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage(c, "name a plugin; 'busd plugins list' shows them")
			}
			return pluginNames(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			s, err := a.settings(c)
			if err != nil {
				return err
			}
			bad := false
			err = supervise.Ask(c.Context(), s.place, supervise.Request{Do: do, Names: args}, func(w supervise.Answer) error {
				if w.Error != "" {
					bad = true
					a.say("%s", w.Error)
				}
				if st := w.Plugin; st != nil {
					line := fmt.Sprintf("%s: %s", plain(st.Name), st.Phase)
					if st.Problem != "" {
						line += ": " + plain(st.Problem)
					}
					bad = bad || do != "stop" && (st.Phase == plugins.Failed || st.Phase == plugins.Refused || st.Phase == plugins.Backoff)
					_, err := fmt.Fprintln(a.out, line)
					return printed(err)
				}
				return nil
			})
			if errors.Is(err, supervise.ErrNoBusd) {
				return noBusd(s)
			}
			if err == nil && bad {
				return errTold
			}
			return err
		},
	}
}

func pluginNames(c *cobra.Command, names []string) error {
	for _, name := range names {
		if err := plugins.CheckPluginName(name); err != nil {
			return usage(c, "%v", err)
		}
	}
	return nil
}
