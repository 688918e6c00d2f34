package topics

import (
	"fmt"
	"strings"
)

// A Pattern stands for topics' names. It is a name in which '*' stands for any bytes within a part, also for none, and the part '**' for
// any number of parts, also for none; at the end for at least one: "a/**" is all that is below "a". Names that begin with '$', which
// are a bus's own, are only meant by patterns that begin with it.
type Pattern struct {
	text  string
	parts []string
}

// ParsePattern reads a pattern; a topic's name is one. Errors are an ErrName.
func ParsePattern(text string) (Pattern, error) {
	if err := CheckName(strings.ReplaceAll(text, "*", "x")); err != nil {
		return Pattern{}, fmt.Errorf("%w (as a pattern)", err)
	}
	p := Pattern{text, strings.Split(text, "/")}
	for _, part := range p.parts {
		if part != "**" && strings.Contains(part, "**") {
			return Pattern{}, fmt.Errorf("%w %q: '**' stands for whole parts, between slashes", ErrName, text)
		}
	}
	return p, nil
}

// String is the pattern as it was written.
func (p Pattern) String() string { return p.text }

// Literal says whether the pattern is a topic's name, and means that one topic.
func (p Pattern) Literal() bool { return !strings.Contains(p.text, "*") }

// Match says whether the pattern means the topic of that name.
func (p Pattern) Match(name string) bool {
	if strings.HasPrefix(name, "$") != strings.HasPrefix(p.text, "$") {
		return false
	}
	return matchParts(p.parts, strings.Split(name, "/"))
}

func matchParts(pattern, name []string) bool {
	for i, part := range pattern {
		if part != "**" {
			if len(name) == 0 || !matchPart(part, name[0]) {
				return false
			}
			name = name[1:]
			continue
		}
		rest := pattern[i+1:]
		if len(rest) == 0 {
			return len(name) > 0
		}
		for ; len(name) > 0; name = name[1:] {
			if matchParts(rest, name) {
				return true
			}
		}
		return false
	}
	return len(name) == 0
}

// matchPart says whether one part, in which '*' stands for any bytes, means s.
func matchPart(part, s string) bool {
	pieces := strings.Split(part, "*")
	if len(pieces) == 1 {
		return part == s
	}
	first, last := pieces[0], pieces[len(pieces)-1]
	if len(s) < len(first)+len(last) || !strings.HasPrefix(s, first) || !strings.HasSuffix(s, last) {
		return false
	}
	s = s[len(first) : len(s)-len(last)]
	for _, p := range pieces[1 : len(pieces)-1] {
		i := strings.Index(s, p)
		if i < 0 {
			return false
		}
		s = s[i+len(p):]
	}
	return true
}
