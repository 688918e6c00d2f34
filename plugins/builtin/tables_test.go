package builtin

import (
	"encoding"
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"shmbus/internal/bytesize"
	"shmbus/plugins"
	"shmbus/topics"
)

// rows are the rows of the tables of docs/PLUGINS.md under a heading: what the second column says of what the first has in quotes.
func rows(t *testing.T, heading string) map[string]string {
	t.Helper()
	doc, err := os.ReadFile("../../docs/PLUGINS.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(doc), "\n"+heading+"\n")
	if !ok {
		t.Fatalf("there is no heading %q", heading)
	}
	depth := strings.Repeat("#", strings.Index(heading, " "))
	section, _, _ = strings.Cut(section, "\n"+depth+" ")
	all := make(map[string]string)
	for _, m := range regexp.MustCompile("(?m)^\\| `([\\w.-]+)` \\| ([^|]*?) ?\\|").FindAllStringSubmatch(section, -1) {
		if _, twice := all[m[1]]; twice {
			t.Errorf("%q is there twice", m[1])
		}
		all[m[1]] = m[2]
	}
	return all
}

// written is a value as it is written in TOML.
func written(v reflect.Value) string {
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		text, _ := m.MarshalText()
		return fmt.Sprintf("%q", text)
	}
	if v.Kind() == reflect.String {
		return fmt.Sprintf("%q", v)
	}
	return fmt.Sprint(v)
}

// compare fails unless a table has the fields of a struct, by a tag, and says their values, if it says any.
func compare(t *testing.T, table map[string]string, tag, prefix string, s reflect.Value) {
	t.Helper()
	for i := range s.NumField() {
		key := prefix + s.Type().Field(i).Tag.Get(tag)
		says, ok := table[key]
		delete(table, key)
		if !ok {
			t.Errorf("%s is not documented", key)
			continue
		}
		v, _, quoted := strings.Cut(strings.TrimPrefix(says, "`"), "`")
		if !strings.HasPrefix(says, "`") || !quoted {
			if !s.Field(i).IsZero() {
				t.Errorf("%s has a default, %s, which is not documented: %q", key, written(s.Field(i)), says)
			}
			continue
		}
		if size, ok := s.Field(i).Interface().(bytesize.Size); ok {
			var want bytesize.Size
			if err := want.Set(strings.Trim(v, `"`)); err != nil || want != size {
				t.Errorf("%s: the default is %d, and not %s", key, size, v)
			}
		} else if v != written(s.Field(i)) {
			t.Errorf("%s: the default is %s, and not %s", key, written(s.Field(i)), v)
		}
	}
}

func TestEveryKeyOfAManifestIsDocumented(t *testing.T) {
	m, err := plugins.ParseManifest("executable = \"/x\"\n", "")
	if err != nil {
		t.Fatal(err)
	}
	m.Executable, m.Dir = "", ""
	table := rows(t, "## The manifest")
	compare(t, table, "toml", "restart.", reflect.ValueOf(m.Restart))
	compare(t, table, "toml", "limits.", reflect.ValueOf(m.Limits))
	compare(t, table, "toml", "topics.", reflect.ValueOf(plugins.Topic{
		Slots: topics.DefaultSlots, Cell: topics.DefaultCellSize, Policy: "overwrite", Publishers: topics.DefaultPublishers, Subscribers: topics.DefaultSubscriptions,
	}))
	m.Restart, m.Limits = plugins.Restart{}, plugins.Limits{}
	table["restart"], table["limits"] = "", "" // as their keys
	compare(t, table, "toml", "", reflect.ValueOf(*m))
	if len(table) > 0 {
		t.Errorf("there are no keys %v", slices.Sorted(maps.Keys(table)))
	}
}

func TestEveryKeyOfABuiltinIsDocumented(t *testing.T) {
	for name, p := range All {
		table := rows(t, "### "+name)
		maps.DeleteFunc(table, func(key, _ string) bool { return !strings.HasPrefix(key, name+".") })
		compare(t, table, "json", name+".", reflect.ValueOf(p.Config()).Elem())
		if len(table) > 0 {
			t.Errorf("there are no keys %v", slices.Sorted(maps.Keys(table)))
		}
	}
}

func TestEveryVariableIsDocumented(t *testing.T) {
	got := slices.Sorted(maps.Keys(rows(t, "## The environment")))
	want := []string{
		plugins.EnvBus, plugins.EnvName, plugins.EnvCookie, plugins.EnvVersions, plugins.EnvTopics, plugins.EnvShapes, plugins.EnvConfig, plugins.EnvNotify, plugins.EnvWatchdog,
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("documented are %v, and there are %v", got, want)
	}
}

func TestTheCookieOfTheDocumentationIsRight(t *testing.T) {
	doc, err := os.ReadFile("../../docs/PLUGINS.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{plugins.Cookie, fmt.Sprint(plugins.MaxFrame), fmt.Sprint(plugins.MaxHandshake), fmt.Sprint(plugins.MaxStatus)} {
		if !strings.Contains(string(doc), word) {
			t.Errorf("%s is not in it", word)
		}
	}
}
