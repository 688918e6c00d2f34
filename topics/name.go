package topics

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxName is the longest topic name, in bytes.
const MaxName = 200

// ErrName is wrapped by CheckName's errors.
var ErrName = errors.New("bad topic name")

// CheckName says what is wrong with a topic name. Names are paths like "sensors/imu/0": 1 to 200 bytes of UTF-8, parts divided by
// '/', none of them empty, no control characters and no '*'.
func CheckName(name string) error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w %.220q: %s", ErrName, name, fmt.Sprintf(format, args...))
	}
	switch {
	case name == "":
		return bad("it is empty")
	case len(name) > MaxName:
		return bad("it has %d bytes, at most %d are allowed", len(name), MaxName)
	case strings.HasPrefix(name, "/"), strings.HasSuffix(name, "/"), strings.Contains(name, "//"):
		return bad("a part between slashes is empty")
	case strings.Contains(name, "*"):
		return bad("'*' is for patterns")
	case !utf8.ValidString(name):
		return bad("it is not UTF-8")
	}
	for _, c := range name {
		switch {
		case c < utf8.RuneSelf && unicode.IsControl(c):
			return bad("it has the control byte %#02x", c)
		case unicode.IsControl(c): // U+0080 to U+009F: terminals obey them, too
			return bad("it has the control character %U", c)
		}
	}
	return nil
}
