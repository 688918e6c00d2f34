package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"shmbus/bus"
)

// findingJSON is a finding in JSON.
type findingJSON struct {
	Grade    string     `json:"grade"`
	Check    string     `json:"check"`
	Segment  string     `json:"segment"`
	Topic    string     `json:"topic,omitempty"`
	Text     string     `json:"text"`
	Todo     string     `json:"todo"`
	Pid      int        `json:"pid,omitempty"`
	Stopped  bool       `json:"stopped,omitempty"`
	Since    *time.Time `json:"since,omitempty"`
	Position uint64     `json:"position"`
	Slots    uint64     `json:"slots"`
	Fixed    *bool      `json:"fixed,omitempty"` // with --fix
}

func newFindingJSON(f bus.Finding) findingJSON {
	j := findingJSON{
		Grade: f.Grade.String(), Check: f.Check, Segment: f.Segment, Topic: f.Topic, Text: text(textError(f.Text)), Todo: f.Todo,
		Pid: f.Pid, Stopped: f.Stopped, Position: f.Position, Slots: f.Slots,
	}
	if !f.Since.IsZero() {
		j.Since = &f.Since
	}
	return j
}

// textError is an error that is nothing but its text.
type textError string

func (e textError) Error() string { return string(e) }

func indented(js []findingJSON) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(js)
	return b.Bytes(), err
}

func doctorJSON(all []bus.Finding) ([]byte, error) {
	js := []findingJSON{}
	for _, f := range all {
		js = append(js, newFindingJSON(f))
	}
	return indented(js)
}

// fixJSON is the plan of --fix, with what became of it.
func fixJSON(plan, done []bus.Finding) ([]byte, error) {
	js := []findingJSON{}
	for _, f := range plan {
		j := newFindingJSON(f)
		fixed := false
		for _, d := range done {
			fixed = fixed || d.Same(f)
		}
		j.Fixed = &fixed
		js = append(js, j)
	}
	return indented(js)
}

// showFindings prints findings, grouped by their grades.
func (a *app) showFindings(b *bus.Bus, all []bus.Finding, asJSON bool) error {
	var text []byte
	if asJSON {
		var err error
		if text, err = doctorJSON(all); err != nil {
			return err
		}
	} else {
		text = doctorText(all, doctorColours(a.out), time.Now())
		quiet := true
		for _, f := range all {
			quiet = quiet && f.Grade == bus.Info
		}
		if quiet {
			a.say("nothing is held, and nothing is wrong on %s", b.Dir())
		}
	}
	_, err := a.out.Write(text)
	return outputError(err)
}

// gradeColours are the escape sequences that begin a grade's heading.
var gradeColours = map[bus.Grade]string{bus.Wrong: "\x1b[1;31m", bus.Warning: "\x1b[1;33m"}

func doctorText(all []bus.Finding, colours bool, now time.Time) []byte {
	var b bytes.Buffer
	for i, f := range all {
		if i == 0 || all[i-1].Grade != f.Grade {
			gradeHeading(&b, f.Grade, colours)
		}
		fmt.Fprintf(&b, "  %s: %s\n", findingPlace(f), strings.ReplaceAll(f.Text, "\n", "\n    "))
		if held := heldBy(f, now); held != "" {
			fmt.Fprintf(&b, "    %s\n", held)
		}
		if f.Todo != "" {
			fmt.Fprintf(&b, "    to do: %s\n", f.Todo)
		}
	}
	return b.Bytes()
}

func gradeHeading(b *bytes.Buffer, g bus.Grade, colours bool) {
	if !colours {
		fmt.Fprintf(b, "%v\n", g)
		return
	}
	colour, ok := gradeColours[g]
	if !ok {
		colour = "\x1b[1m"
	}
	fmt.Fprintf(b, "%s%v\x1b[0m\n", colour, g)
}

// heldBy says who holds what was found, and since when.
func heldBy(f bus.Finding, now time.Time) string {
	var parts []string
	if f.Pid != 0 {
		parts = append(parts, fmt.Sprintf("pid %d", f.Pid))
	}
	if f.Stopped {
		parts = append(parts, "stopped")
	}
	if !f.Since.IsZero() {
		parts = append(parts, fmt.Sprintf("for %v or more", now.Sub(f.Since).Round(time.Millisecond)))
	}
	return strings.Join(parts, ", ")
}
