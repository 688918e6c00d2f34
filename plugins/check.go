package plugins

import (
	"encoding/hex"
	"fmt"
	"maps"
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
		return fmt.Errorf("%.40q is no duration, such as \"500ms\" or \"10s\"", text)
	}
	*d = Duration(v)
	return nil
}

// MarshalText writes what UnmarshalText reads.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// A KeyError is something that is wrong with a key of a manifest.
type KeyError struct {
	Key string // with its tables: "restart.tries", "topics[1].name", "config.every"; "": of the whole
	Err error
}

// Error is the key, and what is wrong with it.
func (e *KeyError) Error() string {
	if e.Key == "" {
		return e.Err.Error()
	}
	return e.Key + ": " + e.Err.Error()
}

// Unwrap is what is wrong.
func (e *KeyError) Unwrap() error { return e.Err }

// problems collects them.
type problems []error

func (p *problems) add(key, format string, args ...any) {
	*p = append(*p, &KeyError{key, fmt.Errorf(format, args...)})
}

// check says everything that is wrong with a manifest whose defaults are filled in.
func (m *Manifest) check() (all problems) {
	m.checkRun(&all)
	m.checkTopics(&all)
	m.checkLife(&all)
	if b, err := hex.DecodeString(m.SHA256); err != nil || m.SHA256 != "" && len(b) != 32 {
		all.add("sha256", "%.80q: 64 hex digits, as sha256sum prints them", m.SHA256)
	}
	if m.SHA256 != "" && m.Builtin != "" {
		all.add("sha256", "it is for executables, not for a builtin")
	}
	if m.Limits.Nice < -20 || m.Limits.Nice > 19 {
		all.add("limits.nice", "%d: from -20 to 19", m.Limits.Nice)
	}
	if m.Limits.Files < 0 {
		all.add("limits.files", "%d: a number of open files", m.Limits.Files)
	}
	for _, k := range slices.Sorted(maps.Keys(m.Env)) {
		v := m.Env[k]
		if k == "" || strings.ContainsAny(k, "=\x00") {
			all.add("env", "%.80q is no name of a variable", k)
		}
		if slices.Contains(ownEnv, k) { // it would be thrown away
			all.add("env."+k, "it is busd's, and is set for every plugin as the contract says; leave it out")
		}
		if strings.ContainsRune(v, 0) {
			all.add("env."+k, "it has a zero byte, which no variable can have")
		}
	}
	return all
}

// checkRun is check for what is run.
func (m *Manifest) checkRun(all *problems) {
	ways := 0
	for _, given := range []bool{len(m.Command) > 0, m.Executable != "", m.Builtin != ""} {
		if given {
			ways++
		}
	}
	if ways != 1 {
		all.add("", "one of command, executable and builtin says what is run; here %d of them are given", ways)
	}
	switch m.Contract {
	case "", Lines, Frames, Direct:
	default:
		all.add("contract", "%.40q: there are lines, frames and bus", m.Contract)
	}
	if m.Contract == "" && len(m.Command) > 0 {
		all.add("command", "it needs a contract: lines, frames or bus")
	}
	if m.Contract != "" && m.Builtin != "" {
		all.add("contract", "a builtin brings its own")
	}
	if len(m.Command) > 0 && m.Command[0] == "" {
		all.add("command", "it has no program")
	}
	for _, s := range append([]string{m.Executable, m.Dir}, m.Command...) {
		if strings.ContainsRune(s, 0) {
			all.add("", "%.80q has a zero byte, which no path and no argument can have", s)
		}
	}
}

// checkTopics is check for the topics.
func (m *Manifest) checkTopics(all *problems) {
	if m.Contract == Lines && m.Topic == "" {
		all.add("contract", "lines need topic, where they go")
	}
	if m.Contract != Lines && m.Topic != "" {
		all.add("topic", "it is for contract = \"lines\"; others have [[topics]]")
	}
	if m.Topic != "" {
		if err := CheckTopic(m.Topic); err != nil {
			all.add("topic", "%w", err)
		}
	}
	*all = append(*all, CheckTopics(m.Topics)...)
}

// CheckTopics says everything that is wrong with a list of topics, as KeyErrors.
func CheckTopics(list []Topic) (wrong []error) {
	var all problems
	var seen []string
	for i, t := range list {
		key := fmt.Sprintf("topics[%d].", i)
		if err := CheckTopic(t.Name); err != nil {
			all.add(key+"name", "%w", err)
		}
		if slices.Contains(seen, t.Name) {
			all.add(key+"name", "%.220q is there twice", t.Name)
		}
		seen = append(seen, t.Name)
		o, err := t.Options()
		if err != nil {
			all.add(key+"policy", "%w", err)
		}
		if err := o.Check(); err != nil {
			all.add(fmt.Sprintf("topics[%d]", i), "%w", err)
		}
	}
	return all
}

// checkLife is check for how it is started, restarted and stopped.
func (m *Manifest) checkLife(all *problems) {
	switch m.Restart.Policy {
	case "on-failure", "always", "never":
	default:
		all.add("restart.policy", "%.40q: there are on-failure, always and never", m.Restart.Policy)
	}
	if m.Restart.Tries < -1 || m.Restart.Tries == 0 {
		all.add("restart.tries", "%d: a number of tries, or -1 for no end; with policy = \"never\" it is not started again", m.Restart.Tries)
	}
	for _, d := range []struct {
		key  string
		time Duration
	}{
		{"ready", m.Ready},
		{"grace", m.Grace},
		{"restart.first", m.Restart.First},
		{"restart.most", m.Restart.Most},
		{"restart.steady", m.Restart.Steady},
	} {
		if d.time == 0 {
			all.add(d.key, "0s: it has to be longer; leave it out for the default")
		}
	}
	if m.Restart.Most > 0 && m.Restart.First > m.Restart.Most {
		all.add("restart.first", "%v is longer than restart.most, %v", time.Duration(m.Restart.First), time.Duration(m.Restart.Most))
	}
	switch m.Orphan {
	case "keep", "stop":
	default:
		all.add("orphan", "%.40q: there are keep and stop", m.Orphan)
	}
}

// Reserved says whether a topic is busd's own.
func Reserved(topic string) bool { return topic == "$bus" || strings.HasPrefix(topic, "$bus/") }

// CheckTopic says what is wrong with the name of a topic that a plugin publishes on.
func CheckTopic(name string) error {
	if Reserved(name) {
		return fmt.Errorf("%.220q is busd's", name)
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
	if name == Own {
		return fmt.Errorf("%s is no name of a plugin: it is that of busd's own log", Own)
	}
	return nil
}
