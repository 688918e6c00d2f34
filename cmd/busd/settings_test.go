package main

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/hashicorp/go-hclog"

	"shmbus/plugins"
)

func TestSettingsComeFromTheFlagsThenTheFileThenTheEnvironment(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "etc", "busd.toml")
	if err := os.Mkdir(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SHMBUS_DIR", filepath.Join(dir, "env"))
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, "home"))
	t.Setenv("HOME", dir)
	abs := func(parts ...string) string { return filepath.Join(append([]string{dir}, parts...)...) }
	for _, c := range []struct {
		name string
		app  app
		text string
		want settings
	}{
		{
			"the environment",
			app{config: file},
			"",
			settings{config: config{Bus: abs("env"), Plugins: abs("home", "shmbus", "plugins")}, place: plugins.Place(abs("env", ".busd")), level: hclog.Info},
		},
		{
			"the file",
			app{config: file},
			"bus = \"b\"\nplugins = \"../p\"\nstate = \"" + filepath.ToSlash(abs("s")) + "\"\nlog.level = \"warn\"\n",
			settings{config: config{Bus: abs("etc", "b"), Plugins: abs("p")}, place: plugins.Place(abs("s")), level: hclog.Warn},
		},
		{
			"the flags",
			app{config: file, bus: abs("fb"), plugins: abs("fp")},
			"bus = \"b\"\nplugins = \"../p\"\n",
			settings{config: config{Bus: abs("fb"), Plugins: abs("fp")}, place: plugins.Place(abs("fb", ".busd")), level: hclog.Info},
		},
		{
			"a file beside the directory",
			app{plugins: abs("etc", "plugins")},
			"bus = \"b\"\n",
			settings{config: config{Bus: abs("etc", "b"), Plugins: abs("etc", "plugins")}, place: plugins.Place(abs("etc", "b", ".busd")), level: hclog.Info},
		},
	} {
		if err := os.WriteFile(file, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		a := &app{}
		root := a.rootCommand() // which sets the flags to nothing
		*a = c.app
		got, err := a.settings(root)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got.Bus != c.want.Bus || got.Plugins != c.want.Plugins || got.place != c.want.place || got.level != c.want.level || got.file != file {
			t.Errorf("%s: bus %s, plugins %s, place %s, level %v, file %s; want %+v", c.name, got.Bus, got.Plugins, got.place, got.level, got.file, c.want)
		}
	}
	t.Chdir(filepath.Dir(file))
	if err := os.MkdirAll(filepath.Join("plugins", "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	for from, name := range map[string]string{".": "plugins", "plugins": ".", filepath.Join("plugins", "sub"): ".."} {
		t.Chdir(filepath.Join(filepath.Dir(file), from))
		a := &app{}
		root := a.rootCommand()
		a.plugins = name
		if got, err := a.settings(root); err != nil || got.file != file {
			t.Errorf("--plugins %s in %s: file %q, %v; want %s", name, from, got.file, err, file)
		}
	}
	if got, err := (&app{}).settings((&app{}).rootCommand()); err != nil || got.from() != "none" || got.level != hclog.Info {
		t.Errorf("without a file: %+v, %v", got, err)
	}
}

// TestAllKeysAreDocumented: the block of docs/BUSD.md is a busd.toml that is taken, and has every key that there is.
func TestAllKeysAreDocumented(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "BUSD.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(doc), "\n## busd.toml\n")
	_, text, _ = strings.Cut(text, "```toml\n")
	text, _, found := strings.Cut(text, "```\n")
	if !found {
		t.Fatal("there is no block")
	}
	s := settings{file: "busd.toml"}
	if err := s.parse(text); err != nil {
		t.Fatal(err)
	}
	var has []string
	meta, err := toml.Decode(text, &config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range meta.Keys() {
		has = append(has, key.String())
	}
	var missing func(table string, of reflect.Type)
	missing = func(table string, of reflect.Type) {
		for _, f := range reflect.VisibleFields(of) {
			key := table + f.Tag.Get("toml")
			if !slices.Contains(has, key) {
				t.Errorf("%s is not there", key)
			}
			inner := f.Type
			if inner.Kind() == reflect.Slice {
				inner = inner.Elem()
			}
			if inner.Kind() == reflect.Struct {
				missing(key+".", inner)
			}
		}
	}
	missing("", reflect.TypeFor[config]())
}
