package filetail

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"shmbus/plugins"
)

// stand stands in a template for a part of the file's path.
var stand = regexp.MustCompile(`\{[^{}]*\}`)

// checkTemplate says what is wrong with a template for topicOf.
func checkTemplate(template string) error {
	for _, s := range stand.FindAllString(template, -1) {
		if s != "{name}" && s != "{path}" {
			return fmt.Errorf("%.40q: there are {name} and {path}", s)
		}
	}
	_, err := topicOf(template, string(filepath.Separator)+"x")
	return err
}

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
