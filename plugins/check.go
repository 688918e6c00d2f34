package plugins

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"shmbus/topics"
)

// A Duration is written as in Go: "500ms", "10s".
type Duration time.Duration

// UnmarshalText reads a duration; it must not be negative.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil || v < 0 {
		return fmt.Errorf("%q is no duration, such as \"500ms\" or \"10s\"", text)
	}
	*d = Duration(v)
	return nil
}

// MarshalText writes what UnmarshalText reads.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// check says everything that is wrong with a manifest whose defaults are filled in.
func (m *Manifest) check() (all []error) {
	bad := func(format string, args ...any) { all = append(all, fmt.Errorf(format, args...)) }
	ways := 0
	for _, given := range []bool{len(m.Command) > 0, m.Executable != "", m.Builtin != ""} {
		if given {
			ways++
		}
	}
	if ways != 1 {
		bad("one of command, executable and builtin says what is run; here %d of them are given", ways)
	}
	switch m.Contract {
	case "", Lines, Frames, Direct:
	default:
		bad("contract = %q: there are lines, frames and bus", m.Contract)
	}
	if m.Contract == "" && len(m.Command) > 0 {
		bad("a command needs a contract: lines, frames or bus")
	}
	if len(m.Command) > 0 && m.Command[0] == "" {
		bad("command has no program")
	}
	if m.Contract == Lines && m.Topic == "" {
		bad("contract lines needs topic, where the lines go")
	}
	if m.Contract != Lines && m.Topic != "" {
		bad("topic is for contract lines; others have [[topics]]")
	}
	if m.Topic != "" {
		if err := checkTopic(m.Topic); err != nil {
			bad("topic: %w", err)
		}
	}
	var seen []string
	for _, t := range m.Topics {
		if err := checkTopic(t.Name); err != nil {
			bad("topics: %w", err)
		}
		if slices.Contains(seen, t.Name) {
			bad("topics: %q is there twice", t.Name)
		}
		seen = append(seen, t.Name)
		if _, err := t.Options(); err != nil {
			bad("topic %q: %w", t.Name, err)
		}
	}
	switch m.Restart.Policy {
	case "on-failure", "always", "never":
	default:
		bad("restart.policy = %q: there are on-failure, always and never", m.Restart.Policy)
	}
	if m.Restart.Tries < -1 {
		bad("restart.tries = %d: a number of tries, or -1 for no end", m.Restart.Tries)
	}
	switch m.Orphan {
	case "keep", "stop":
	default:
		bad("orphan = %q: there are keep and stop", m.Orphan)
	}
	if b, err := hex.DecodeString(m.SHA256); err != nil || m.SHA256 != "" && len(b) != 32 {
		bad("sha256 = %q: 64 hex digits, as sha256sum prints them", m.SHA256)
	}
	if m.SHA256 != "" && m.Builtin != "" {
		bad("sha256 is for executables, not for a builtin")
	}
	if m.Limits.Nice < -20 || m.Limits.Nice > 19 {
		bad("limits.nice = %d: from -20 to 19", m.Limits.Nice)
	}
	if m.Limits.Files < 0 {
		bad("limits.files = %d: a number of open files", m.Limits.Files)
	}
	for k := range m.Env {
		if k == "" || strings.ContainsAny(k, "=\x00") {
			bad("env: %q is no name of a variable", k)
		}
	}
	return all
}

// Reserved says whether a topic is busd's own.
func Reserved(topic string) bool { return topic == "$bus" || strings.HasPrefix(topic, "$bus/") }

func checkTopic(name string) error {
	if Reserved(name) {
		return fmt.Errorf("%q is busd's", name)
	}
	return topics.CheckName(name)
}

// CheckPluginName says what is wrong with a plugin's name: it is part of topics' and files' names.
func CheckPluginName(name string) error {
	ok := name != "" && len(name) <= 64 && name[0] != '.' && name[0] != '-'
	for _, c := range []byte(name) {
		ok = ok && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.')
	}
	if !ok {
		return fmt.Errorf("%.80q is no name of a plugin: up to 64 letters, digits, '-', '_' and '.', the first a letter, digit or '_'", name)
	}
	return nil
}
