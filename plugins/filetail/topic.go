package filetail

import (
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"shmbus/plugins"
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
	return topic, plugins.CheckTopic(topic)
}
