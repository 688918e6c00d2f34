package plugins

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// located says errors of keys with their lines.
func located(err error, text string) error {
	switch e := err.(type) {
	case *KeyError:
		if line := lineOf(text, e.Key); line > 0 {
			return fmt.Errorf("line %d: %w", line, e)
		}
	case interface{ Unwrap() []error }:
		var all []error
		for _, err := range e.Unwrap() {
			all = append(all, located(err, text))
		}
		return errors.Join(all...)
	}
	return err
}

var (
	tableLine = regexp.MustCompile(`^\s*(\[\[?)\s*([\w.-]+)\s*\]`)
	keyLine   = regexp.MustCompile(`^\s*([\w-]+(?:\s*\.\s*[\w-]+)*)\s*=`)
	index     = regexp.MustCompile(`\[\d+\]`)
)

// lineOf is the line on which a key is set, or else the table that it is in; 0 if that cannot be told. The TOML library does not say
// where keys are, so the text is looked at once more, for what people write in manifests: keys without quotes. A key that the TOML library
// names has no index of an array's table; the first one is meant.
func lineOf(text, key string) int {
	lines := make(map[string]int)
	note := func(key string, n int) {
		for _, k := range []string{key, index.ReplaceAllString(key, "")} {
			if lines[k] == 0 {
				lines[k] = n
			}
		}
	}
	table, count := "", make(map[string]int)
	for i, line := range strings.Split(text, "\n") {
		if m := tableLine.FindStringSubmatch(line); m != nil {
			table = m[2]
			if m[1] == "[[" {
				count[table]++
				table = fmt.Sprintf("%s[%d]", table, count[table]-1)
			}
			note(table, i+1)
			table += "."
		} else if m := keyLine.FindStringSubmatch(line); m != nil {
			note(table+strings.Join(strings.Fields(m[1]), ""), i+1)
		}
	}
	for key != "" {
		if n := lines[key]; n > 0 {
			return n
		}
		key = key[:max(strings.LastIndexByte(key, '.'), 0)]
	}
	return 0
}
