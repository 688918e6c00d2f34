package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"shmbus/bus"
)

func (a *app) doctorCommand() *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Show who holds what, and what is wrong",
		Long: `Doctor looks at everything on the bus and changes nothing. It shows
  holds   what a living process has that others may have to wait for: a frame that
          is begun and not committed, a lossless subscription that is behind, a
          frame that a member of a group has in hand; and since when, as far as the
          times of the frames tell
  dead    what the dead have left; whoever needs it takes it back
  wrong   what cannot be; then the exit code is 1`,
		Example: `  buscat doctor
  buscat doctor --json | jq '.[] | select(.stopped)'`,
		Args: nothing,
		RunE: func(c *cobra.Command, _ []string) error { return a.runDoctor(c, asJSON) },
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON array, with an object for each finding")
	return c
}

// findingJSON is a finding in JSON.
type findingJSON struct {
	Grade    string     `json:"grade"`
	Segment  string     `json:"segment"`
	Topic    string     `json:"topic,omitempty"`
	Text     string     `json:"text"`
	Pid      int        `json:"pid,omitempty"`
	Stopped  bool       `json:"stopped,omitempty"`
	Since    *time.Time `json:"since,omitempty"`
	Position uint64     `json:"position"`
	Slots    uint64     `json:"slots"`
}

var errWrong = errors.New("something is wrong on this bus")

func (a *app) runDoctor(c *cobra.Command, asJSON bool) error {
	b, err := a.open(c)
	if err != nil {
		return err
	}
	defer b.Close()
	all, err := b.Doctor()
	if err != nil {
		return err
	}
	var text []byte
	if asJSON {
		text, err = doctorJSON(all)
	} else {
		text = doctorText(all)
	}
	if err != nil {
		return err
	}
	if len(all) == 0 && !asJSON {
		a.say("nothing is held, and nothing is wrong on %s", b.Dir())
	}
	if _, err := a.out.Write(text); err != nil {
		return outputError(err)
	}
	for _, f := range all {
		if f.Grade == bus.Wrong {
			return errWrong
		}
	}
	return nil
}

func doctorJSON(all []bus.Finding) ([]byte, error) {
	js := []findingJSON{}
	for _, f := range all {
		j := findingJSON{f.Grade.String(), f.Segment, f.Topic, f.Text, f.Pid, f.Stopped, nil, f.Position, f.Slots}
		if !f.Since.IsZero() {
			j.Since = &f.Since
		}
		js = append(js, j)
	}
	b, err := json.MarshalIndent(js, "", "  ")
	return append(b, '\n'), err
}

func doctorText(all []bus.Finding) []byte {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, f := range all {
		topic, who, since := f.Topic, "-", "-"
		if topic == "" {
			topic = "(" + f.Segment + ".seg)"
		}
		if f.Pid != 0 {
			who = fmt.Sprintf("pid %d", f.Pid)
		}
		if f.Stopped {
			who += ", stopped"
		}
		if !f.Since.IsZero() {
			since = fmt.Sprintf("%v or more", time.Since(f.Since).Round(time.Millisecond))
		}
		fmt.Fprintf(w, "%v\t%s\t%s\t%s\t%s\n", f.Grade, topic, who, since, f.Text)
	}
	_ = w.Flush()
	return b.Bytes()
}

func (a *app) kickCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "kick TOPIC ID",
		Short: "End a lossless subscription that is stuck",
		Long: `Kick ends the lossless subscription with that id, which 'buscat stat' and
'buscat doctor' show, though its process lives: publishers wait for it no more.
The subscription is told so. Frames that it still has in hand may be overwritten.

A member of a group cannot be kicked: end its process, and its frame goes to
another member.`,
		Example: `  buscat kick numbers 3`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usage(c, "give a topic and the id of a subscription")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			id, err := strconv.ParseUint(args[1], 10, 64)
			if err != nil {
				return usage(c, "%q is no subscription's id, which is a number", args[1])
			}
			b, err := a.open(c)
			if err != nil {
				return err
			}
			defer b.Close()
			if err := b.Kick(args[0], id); err != nil {
				return noTopic(b, args[0], err)
			}
			return nil
		},
	}
}
