package exec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/hashicorp/go-hclog"
)

// A logLine is one line that a plugin has written to its log.
type logLine struct {
	level  hclog.Level
	module string // "": the plugin
	msg    string
	args   []any // keys and values
}

// maxShort is the most of a line that is told as what a plugin has said last, in bytes.
const maxShort = 200

// short is what there is to tell of the line in short: its message, and the error that comes with it.
func (l logLine) short() string {
	s := strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) { // it would move cursors, and colours are for terminals
			return ' '
		}
		return r
	}, l.msg))
	for i := 0; i+1 < len(l.args); i += 2 {
		if l.args[i] == "error" || l.args[i] == "err" {
			s = fmt.Sprintf("%s: %v", s, l.args[i+1])
			break
		}
	}
	if len(s) > maxShort {
		s = strings.ToValidUTF8(s[:maxShort], "") + "..."
	}
	return s
}

// words of JSON lines, as hclog and slog write them. One that has the words for message and level is taken for such.
var words = []struct{ level, msg, module, time string }{
	{"@level", "@message", "@module", "@timestamp"},
	{"level", "msg", "", "time"},
}

// parseLine understands JSON lines of hclog and slog. All others are information, as they are.
func parseLine(line []byte) logLine {
	if l, ok := parseJSON(line); ok {
		return l
	}
	return logLine{level: hclog.Info, msg: strings.ToValidUTF8(string(line), "?")}
}

func parseJSON(line []byte) (l logLine, ok bool) {
	if line = bytes.TrimSpace(line); len(line) == 0 || line[0] != '{' {
		return l, false
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	var all map[string]any
	if d.Decode(&all) != nil {
		return l, false
	}
	if _, err := d.Token(); err != io.EOF {
		return l, false
	}
	for _, w := range words {
		level, ok := all[w.level].(string)
		msg, ok2 := all[w.msg].(string)
		if !ok || !ok2 {
			continue
		}
		l.level, l.msg = parseLevel(level), msg
		delete(all, w.level)
		delete(all, w.msg)
		if module, ok := all[w.module].(string); ok {
			l.module = module
			delete(all, w.module)
		}
		if t, ok := all[w.time]; ok { // the entry has a time of its own, when it was read
			delete(all, w.time)
			all["timestamp"] = t
		}
		for _, k := range slices.Sorted(maps.Keys(all)) {
			l.args = append(l.args, k, plain(all[k]))
		}
		return l, true
	}
	return l, false
}

// parseLevel reads a level of hclog or slog; "WARN+2" is one of slog's. What it does not know is information.
func parseLevel(s string) hclog.Level {
	if i := strings.IndexAny(s, "+-"); i > 0 {
		s = s[:i]
	}
	if l := hclog.LevelFromString(s); l != hclog.NoLevel && l != hclog.Off {
		return l
	}
	return hclog.Info
}

// plain has numbers as Go has them.
func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		if f, err := v.Float64(); err == nil {
			return f
		}
		return v.String()
	case map[string]any:
		for k, x := range v {
			v[k] = plain(x)
		}
	case []any:
		for i, x := range v {
			v[i] = plain(x)
		}
	}
	return v
}
