package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"shmbus/bus"
	"shmbus/internal/cli"
)

type doctorOptions struct {
	json, fix, dryRun bool
	stuck             time.Duration
}

func (a *app) doctorCommand() *cobra.Command {
	o := &doctorOptions{}
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Show who holds what, what is wrong, and what to do; --fix takes back what the dead left",
		Long: `Doctor looks at everything on the bus and around it, says what to do about each
thing it finds, and changes nothing unless --fix is given. It shows

  wrong    what cannot be, or keeps the bus from working; then the exit code is 1
  warning  what works, and may not much longer, or not for all
  dead     what the dead have left; whoever needs it takes it back
  holds    what a living process has that others may have to wait for, and since
           when, as far as the times of the frames tell
  info     what is good to know

` + doctorChecks + `
--fix shows its plan and then does it, and --dry-run only shows it. It takes back
what processes left that are dead, as the kernel's locks on the lease file prove:
claims and subscriptions of the dead, removals and creations that were begun and
not finished, and ephemeral topics that nobody is on. It takes nothing from the
living, also if they are stopped, and kills nobody. It may be interrupted and run
again at any time. Without permission to publish it is an error.`,
		Example: `  buscat doctor
  buscat doctor --json | jq '.[] | select(.stopped)'
  buscat doctor --json | jq -r '.[] | [.grade, .check, .todo] | @tsv'
  buscat doctor --fix --dry-run
  buscat doctor --fix`,
		Args: cli.Nothing,
		RunE: func(c *cobra.Command, _ []string) error { return a.runDoctor(c, o) },
	}
	f := c.Flags()
	f.SortFlags = false
	f.BoolVar(&o.json, "json", false, "print a JSON array, with an object for each finding")
	f.BoolVar(&o.fix, "fix", false, "take back what the dead have left")
	f.BoolVar(&o.dryRun, "dry-run", false, "with --fix: only show what it would do")
	f.DurationVar(&o.stuck, "stuck", 10*time.Second, "warn of what a living process has held for so long")
	return c
}

// doctorChecks is for --help. A test makes sure that no check is missing.
const doctorChecks = `The checks, by the name that --json gives them:

  claim, in-hand, behind      who has begun a frame, holds one, or is behind
  stuck-claim, stuck-in-hand  the same for longer than --stuck
  group-busy                  somebody is making a group or giving one back
  stopped                     a process that is stopped (Ctrl-Z, SIGSTOP) holds something
  far-behind                  a lossless subscription, or group, half a ring behind
  dead, dead-frame            what dead publishers, subscribers and members left
  half-removed, deserted      a removal that did not end; ephemeral, and nobody there
  leftover, foreign-file      files that belong to no segment
  directory-lock              somebody is making or removing something, or is stopped
  topics-full,
  participants-full           a segment's places are nearly all taken
  layout-version, byte-order,
  page-size                   a segment made by something else
  corrupt-segment, truncated, not-segment, corrupt-table, corrupt-topic,
  corrupt-ring,
  corrupt-participant         damaged files
  read-only, no-access        what this user may not do
  full, nearly-full, small-shm, no-inodes
                              room on the bus's file system, against a default topic
  file-system, overlay, on-disk
                              what kind of file system it is
  open-directory, open-file, open-lease, lease-mode, file-mode, foreign-owner,
  foreign-directory           permissions and owners that are dangerous or do not work
  deleted-mapped              a process still has a removed segment open
  mounts-differ, pid-namespace
                              processes in other containers that see another directory
                              by the bus's name, or other pids
  unseen                      processes that this user may not look at
  remove-ipc                  logind removes the bus when its owner logs out
  no-bus                      there is no bus directory yet
`

var errWrong = errors.New("something is wrong on this bus")

func (a *app) runDoctor(c *cobra.Command, o *doctorOptions) error {
	if o.dryRun && !o.fix {
		return usage(c, "--dry-run goes with --fix: without it doctor changes nothing anyway")
	}
	if o.stuck <= 0 {
		return usage(c, "--stuck %v makes no sense", o.stuck)
	}
	b, err := a.open(c)
	if err != nil {
		return err
	}
	defer b.Close()
	all, err := examineBus(b, o.stuck)
	if err != nil {
		return err
	}
	if o.fix {
		return a.runFix(b, all, o)
	}
	if err := a.showFindings(b, all, o.json); err != nil {
		return err
	}
	return doctorVerdict(all)
}

// examineBus looks at the bus and at what is around it.
func examineBus(b *bus.Bus, stuck time.Duration) ([]bus.Finding, error) {
	all, err := b.Doctor()
	if err != nil {
		return nil, err
	}
	for i := range all {
		all[i] = judgeHold(all[i], time.Now(), stuck)
	}
	people, _ := b.Participants() // what cannot be opened the doctor has told of
	all = append(all, around(b.Dir(), people)...)
	slices.SortStableFunc(all, func(a, b bus.Finding) int { return int(b.Grade) - int(a.Grade) })
	return all, nil
}

// judgeHold makes a warning of what a living process holds, if it looks as if it stood still.
func judgeHold(f bus.Finding, now time.Time, stuck time.Duration) bus.Finding {
	if f.Grade != bus.Holds {
		return f
	}
	far := f.Check == "behind" && f.Ring > 0 && f.Slots >= f.Ring/2
	if far {
		f.Text += fmt.Sprintf(", of a ring of %d", f.Ring)
	}
	switch old := !f.Since.IsZero() && now.Sub(f.Since) >= stuck; {
	case f.Stopped:
		f.Grade, f.Check = bus.Warning, "stopped"
		f.Todo = fmt.Sprintf("'kill -CONT %d' continues it; %s", f.Pid, f.Todo)
	case old && (f.Check == "claim" || f.Check == "in-hand"):
		f.Grade, f.Check = bus.Warning, "stuck-"+f.Check
	case far:
		f.Grade, f.Check = bus.Warning, "far-behind"
	}
	return f
}

// doctorVerdict is an error if something is wrong.
func doctorVerdict(all []bus.Finding) error {
	for _, f := range all {
		if f.Grade == bus.Wrong {
			return errWrong
		}
	}
	return nil
}

// runFix shows what is left by the dead, and takes it back.
func (a *app) runFix(b *bus.Bus, all []bus.Finding, o *doctorOptions) error {
	var plan []bus.Finding
	for _, f := range all {
		if f.Reapable() {
			plan = append(plan, f)
		}
	}
	if !o.json {
		for _, f := range plan {
			if _, err := fmt.Fprintf(a.out, "would take back: %s: %s\n", findingPlace(f), f.Text); err != nil {
				return outputError(err)
			}
		}
	}
	var done []bus.Finding
	var failed error
	switch {
	case len(plan) == 0 && slices.ContainsFunc(all, func(f bus.Finding) bool { return f.Check == "read-only" || f.Check == "no-access" }):
		failed = fmt.Errorf("who is dead on %s cannot be told by those who may only read, or not even that; use --fix as a user who may publish", b.Dir())
	case len(plan) == 0:
		a.say("the dead have left nothing on %s", b.Dir())
	case o.dryRun:
		a.say("nothing was changed; without --dry-run it is taken back")
	default:
		for _, f := range all {
			if f.Check == "directory-lock" {
				a.say("process %d has the directory's lock; what needs it waits", f.Pid)
			}
		}
		done, failed = b.Reap()
	}
	var text []byte
	if o.json {
		var err error
		if text, err = fixJSON(plan, done); err != nil {
			return err
		}
	} else {
		for _, f := range done {
			text = fmt.Appendf(text, "taken back: %s: %s\n", findingPlace(f), f.Text)
		}
	}
	if _, err := a.out.Write(text); err != nil {
		return outputError(err)
	}
	if left := len(plan) - len(done); left > 0 && !o.dryRun && failed == nil {
		a.say("%s could not be taken back; 'buscat doctor' shows what is left", count(left, "finding"))
	}
	return errors.Join(failed, doctorVerdict(all))
}

// findingPlace is what a finding is about.
func findingPlace(f bus.Finding) string {
	switch {
	case f.Topic != "":
		return f.Topic
	case f.Segment != "":
		return "(" + f.Segment + ".seg)"
	}
	return "(bus)"
}

// doctorColours says whether output to f may have colours.
func doctorColours(out any) bool {
	f, ok := out.(*os.File)
	return ok && coloursWanted() && isTerminal(f)
}
