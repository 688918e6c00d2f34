package filetail

import (
	"fmt"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"shmbus/plugins"
	"shmbus/topics"
)

// topicOf is the topic of a file: {name} stands for its name, {path} for its path without the first slash. What no topic's name may have
// becomes '_'.
func topicOf(template, path string) (string, error) {
	clean := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r == '*' || r == utf8.RuneError || unicode.IsControl(r) {
				return '_'
			}
			return r
		}, s)
	}
	slashed := strings.TrimLeft(filepath.ToSlash(path), "/")
	topic := strings.NewReplacer("{name}", clean(filepath.Base(path)), "{path}", clean(slashed)).Replace(template)
	if plugins.Reserved(topic) {
		return "", fmt.Errorf("%.220q is busd's", topic)
	}
	return topic, topics.CheckName(topic)
}
