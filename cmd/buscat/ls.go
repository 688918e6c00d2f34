package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"shmbus/bus"
)

func (a *app) lsCommand() *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use:   "ls",
		Short: "Show the topics on the bus",
		Long: `Ls shows the topics on the bus, by name, with the number of publishers and of
subscribers that have joined, and the frames and bytes published so far.`,
		Example: `  buscat ls
  buscat ls --json | jq -r '.[].name'`,
		Args: nothing,
		RunE: func(c *cobra.Command, _ []string) error { return a.runLs(c, asJSON) },
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON array, with an object for each topic")
	return c
}

func (a *app) runLs(c *cobra.Command, asJSON bool) error {
	b, err := a.open(c)
	if err != nil {
		return err
	}
	defer b.Close()
	// Segments that cannot be read are reported after the topics of the others.
	all, failed := b.Topics()
	var text []byte
	switch {
	case asJSON:
		text, err = lsJSON(all)
	case len(all) > 0:
		text = lsTable(all)
	case failed == nil:
		a.say("there are no topics on %s", b.Dir())
	}
	if err != nil {
		return err
	}
	if _, err := a.out.Write(text); err != nil {
		return outputError(err)
	}
	return failed
}

// topicJSON is a topic as ls and stat show it in JSON.
type topicJSON struct {
	Name        string `json:"name"`
	Segment     string `json:"segment"`
	Policy      string `json:"policy"`
	Slots       int    `json:"slots"`
	Cell        int    `json:"cell"`
	Memory      int64  `json:"memory"`
	Publishers  int    `json:"publishers"`
	Subscribers int    `json:"subscribers"`
	Frames      uint64 `json:"frames"`
	Bytes       uint64 `json:"bytes"`
}

func newTopicJSON(t bus.TopicInfo) topicJSON {
	return topicJSON{
		t.Name, t.Segment, t.Policy.String(), t.Slots, t.CellSize, t.Memory, t.Publishers, t.Subscribers, t.Frames, t.Bytes,
	}
}

// lsJSON is an array with one topic a line.
func lsJSON(all []bus.TopicInfo) ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('[')
	for i, t := range all {
		if i > 0 {
			b.WriteByte(',')
		}
		line, err := marshal(newTopicJSON(t))
		if err != nil {
			return nil, err
		}
		b.WriteByte('\n')
		b.Write(line)
	}
	if len(all) > 0 {
		b.WriteByte('\n')
	}
	b.WriteString("]\n")
	return b.Bytes(), nil
}

// marshal is json.Marshal that leaves <, > and & as they are.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'}), err
}

func lsTable(all []bus.TopicInfo) []byte {
	segments := false // only worth a column if somebody uses several
	for _, t := range all {
		segments = segments || t.Segment != "main"
	}
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row := func(name, segment string, cells ...any) {
		fmt.Fprintf(w, "%s\t", name)
		if segments {
			fmt.Fprintf(w, "%s\t", segment)
		}
		for i, c := range cells {
			if i > 0 {
				fmt.Fprint(w, "\t")
			}
			fmt.Fprint(w, c)
		}
		fmt.Fprintln(w)
	}
	row("NAME", "SEGMENT", "POLICY", "SLOTS", "CELL", "MEMORY", "PUBLISHERS", "SUBSCRIBERS", "FRAMES", "BYTES")
	for _, t := range all {
		row(t.Name, t.Segment, t.Policy, t.Slots, t.CellSize, size(t.Memory), t.Publishers, t.Subscribers, t.Frames, size(t.Bytes))
	}
	_ = w.Flush()
	return b.Bytes()
}
