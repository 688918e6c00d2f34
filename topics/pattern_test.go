package topics

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern string
		yes, no string // names, with spaces between
	}{
		{"a/b", "a/b", "a a/c a/b/c"},
		{"*", "a bc", "a/b $bus"},
		{"sensors/*/temp", "sensors/1/temp sensors/xyz/temp", "sensors/temp sensors/a/b/temp sensors/1/temp/x"},
		{"sensors/**", "sensors/a sensors/a/b", "sensors sensor/a"},
		{"**", "a a/b a/b/c", "$bus $bus/log/a"},
		{"**/temp", "temp a/temp a/b/temp", "a/temps temp/a $bus/temp"},
		{"a/**/z", "a/z a/b/z a/b/c/z", "a z a/b"},
		{"a/**/b/**", "a/b/c a/x/b/y/z a/b/b", "a/b a/x/b"},
		{"imu*", "imu imu0", "xim imu/0"},
		{"*a*b*", "ab xaybz aabb", "ba a"},
		{"a*a", "aa aba", "a"},
		{"$bus/**", "$bus/log/a", "$bus bus/a $other/a"},
		{"$*/log/**", "$bus/log/a", "bus/log/a"},
		{"*/log/**", "bus/log/a", "$bus/log/a"},
	} {
		p, err := ParsePattern(c.pattern)
		if err != nil || p.String() != c.pattern || p.Literal() != !strings.Contains(c.pattern, "*") {
			t.Errorf("%q: %v, %v", c.pattern, p, err)
		}
		for _, n := range strings.Fields(c.yes) {
			if !p.Match(n) {
				t.Errorf("%q does not mean %q", c.pattern, n)
			}
		}
		for _, n := range strings.Fields(c.no) {
			if p.Match(n) {
				t.Errorf("%q means %q", c.pattern, n)
			}
		}
	}
	for _, bad := range []string{"", "/a", "a//b", "a/", "a**", "**a/b", "a/***", "a\n*", strings.Repeat("*", MaxName+1)} {
		_, err := ParsePattern(bad)
		wantErr(t, err, ErrName)
	}
}

// TestPatternsMeanWhatRegularExpressionsMean compares with another way to say the same.
func TestPatternsMeanWhatRegularExpressionsMean(t *testing.T) {
	part := rapid.StringMatching(`[ab]?[ab]`)
	name := rapid.Map(rapid.SliceOfN(part, 1, 5), func(p []string) string { return strings.Join(p, "/") })
	piece := rapid.OneOf(rapid.Just("**"), rapid.Just("*"), part, rapid.StringMatching(`[ab]?\*[ab]?\*?`).Filter(func(s string) bool {
		return !strings.Contains(s, "**")
	}))
	pattern := rapid.Map(rapid.SliceOfN(piece, 1, 4), func(p []string) string { return strings.Join(p, "/") })
	rapid.Check(t, func(t *rapid.T) {
		text, n := pattern.Draw(t, "pattern"), name.Draw(t, "name")
		parts := strings.Split(text, "/")
		expr := "^"
		for i, p := range parts {
			last := i == len(parts)-1
			switch {
			case p == "**" && last:
				expr += "[^/]+(/[^/]+)*"
			case p == "**":
				expr += "([^/]+/)*"
			default:
				expr += strings.ReplaceAll(p, "*", "[^/]*")
				if !last {
					expr += "/"
				}
			}
		}
		p, err := ParsePattern(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := p.Match(n), regexp.MustCompile(expr+"$").MatchString(n); got != want {
			t.Fatalf("%q means %q: %v, but %s says %v", text, n, got, expr+"$", want)
		}
	})
}
