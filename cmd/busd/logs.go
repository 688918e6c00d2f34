package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"shmbus/plugins"
)

const (
	maxTail  = 32 << 20               // bytes of a log that are looked at from its end
	maxLine  = 1 << 20                // bytes of a line that are shown
	followIn = 100 * time.Millisecond // between looks at a log that is followed
)

func (a *app) logsCommand() *cobra.Command {
	lines, follow, asJSON := 100, false, false
	c := &cobra.Command{
		Use:   "logs NAME",
		Short: "Show a plugin's log",
		Long: `Logs shows what a plugin has written to its standard error, and what its runner says
about it. It reads the log file, and so needs no busd. 'busd' is busd's own log.`,
		Example: `  busd plugins logs camera            the last 100 entries
  busd plugins logs -f -n 0 camera    those that come from now on
  busd plugins logs --json camera | jq 'select(."@level" == "error")'`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(c, "name one plugin; 'busd plugins list' shows them")
			}
			if _, err := plugins.Place("").LogOf(args[0]); err != nil {
				return usage(c, "%v", err)
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if lines < 0 {
				return usage(c, "-n %d: a number of entries", lines)
			}
			s, err := a.settings(c)
			if err != nil {
				return err
			}
			path, err := s.place.LogOf(args[0])
			if err != nil {
				return err
			}
			v := &logView{path: path, out: a.out, raw: asJSON}
			err = v.tail(lines)
			if errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("there is no log of a plugin %q in %s", args[0], s.place)
			}
			if err == nil && follow {
				err = v.follow(c.Context())
			}
			return err
		},
	}
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what comes")
	c.Flags().IntVarP(&lines, "lines", "n", lines, "show the last `N` entries")
	c.Flags().BoolVar(&asJSON, "json", false, "print the entries as they are in the file: JSON of hclog")
	return c
}

// A logView shows a log file, which may be set aside as .1 and begun anew at any time.
type logView struct {
	path string
	out  io.Writer
	raw  bool
	f    *os.File
	rest []byte // of a line that is not complete
}

// tail shows the last n lines.
func (v *logView) tail(n int) error {
	f, err := os.Open(v.path)
	if err != nil {
		return err
	}
	v.f = f
	text, err := lastBytes(f, maxTail)
	if err != nil {
		return err
	}
	if bytes.Count(text, []byte("\n")) < n {
		if old, err := os.Open(v.path + ".1"); err == nil {
			before, err := lastBytes(old, maxTail)
			old.Close()
			if err != nil {
				return err
			}
			text = append(before, text...)
		}
	}
	end := bytes.LastIndexByte(text, '\n') + 1
	v.rest = bytes.Clone(text[end:])
	at := end
	for ; n > 0 && at > 0; n-- {
		at = bytes.LastIndexByte(text[:at-1], '\n') + 1
	}
	return v.show(text[at:end])
}

// lastBytes is the end of a file, from the beginning of a line on. The file's offset is its end then.
func lastBytes(f *os.File, most int64) ([]byte, error) {
	i, err := f.Stat()
	if err != nil {
		return nil, err
	}
	from := max(0, i.Size()-most)
	if _, err := f.Seek(from, io.SeekStart); err != nil {
		return nil, err
	}
	b, err := io.ReadAll(f)
	if from > 0 {
		_, b, _ = bytes.Cut(b, []byte("\n"))
	}
	return b, err
}

// follow shows what comes, until ctx is done.
func (v *logView) follow(ctx context.Context) error {
	tick := time.NewTicker(followIn)
	defer tick.Stop()
	for {
		now, err := os.Stat(v.path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := v.more(); err != nil { // also the last of a file that was set aside
			return err
		}
		had, serr := v.f.Stat()
		if serr != nil {
			return serr
		}
		if err := v.back(had.Size()); err != nil {
			return err
		}
		if err == nil && !os.SameFile(now, had) {
			f, err := os.Open(v.path)
			if err == nil {
				if err := v.more(); err != nil {
					return err
				}
				v.f.Close()
				v.f = f
				continue
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// back goes back in a file that was shortened to that size: by the half entry at its end, which there was no room for, or else to begin anew.
func (v *logView) back(size int64) error {
	at, err := v.f.Seek(0, io.SeekCurrent)
	if err != nil || size >= at {
		return err
	}
	if at -= int64(len(v.rest)); size < at {
		at = 0
	}
	v.rest = nil
	_, err = v.f.Seek(at, io.SeekStart)
	return err
}

// more shows the complete lines that have come since.
func (v *logView) more() error {
	r := bufio.NewReader(v.f)
	for {
		part, err := r.ReadSlice('\n')
		if len(v.rest)+len(part) <= maxLine {
			v.rest = append(v.rest, part...)
		}
		switch {
		case err == nil:
			line := v.rest
			v.rest = nil
			if err := v.show(line); err != nil {
				return err
			}
		case errors.Is(err, bufio.ErrBufferFull):
		case err == io.EOF:
			return nil
		default:
			return err
		}
	}
}

// show prints whole lines.
func (v *logView) show(text []byte) error {
	w := bufio.NewWriter(v.out)
	for line := range bytes.Lines(text) {
		if v.raw {
			w.Write(line)
			continue
		}
		w.WriteString(readable(strings.TrimSuffix(string(line), "\n")) + "\n")
	}
	return printed(w.Flush())
}

// atEnd says whether nothing is left that a decoder could read.
func atEnd(d *json.Decoder) bool {
	_, err := d.Token()
	return err == io.EOF
}

// readable is a line of hclog's JSON as hclog writes it for people. Another line stays as it is.
func readable(line string) string {
	var e map[string]any
	d := json.NewDecoder(strings.NewReader(line))
	d.UseNumber() // a float has not all digits of a large number
	if d.Decode(&e) != nil || !atEnd(d) || e["@message"] == nil {
		return plain(line)
	}
	take := func(key string) string {
		s, _ := e[key].(string)
		delete(e, key)
		return s
	}
	at, level, module, msg := take("@timestamp"), take("@level"), take("@module"), take("@message")
	if t, err := time.Parse(time.RFC3339Nano, at); err == nil {
		at = t.Local().Format("2006-01-02T15:04:05.000Z0700")
	}
	s := fmt.Sprintf("%s %-7s %s", cmp.Or(at, "-"), "["+strings.ToUpper(cmp.Or(level, "info"))+"]", msg)
	if module != "" {
		s = fmt.Sprintf("%s %-7s %s: %s", cmp.Or(at, "-"), "["+strings.ToUpper(cmp.Or(level, "info"))+"]", module, msg)
	}
	for i, key := range slices.Sorted(maps.Keys(e)) {
		if i == 0 && !strings.HasSuffix(s, ":") {
			s += ":"
		}
		value, ok := e[key].(string)
		if !ok {
			b, err := json.Marshal(e[key])
			if err != nil {
				b = []byte(err.Error())
			}
			value = string(b)
		} else if value == "" || strings.ContainsAny(value, " \t\n\"") {
			value = fmt.Sprintf("%q", value)
		}
		s += " " + key + "=" + value
	}
	return plain(s)
}
