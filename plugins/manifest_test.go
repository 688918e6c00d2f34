package plugins

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"shmbus/bus"
)

const full = `
contract = "frames"
command = ["cat", "-u", "/dev/stdin"]
dir = "sub"
user = "nobody"
watchdog = "3s"
notify = true
ready = "1m30s"
grace = "250ms"
orphan = "stop"
sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

[env]
A = "b c"

[restart]
policy = "always"
tries = -1
first = "1us"
most = "1h"
steady = "90s"

[limits]
memory = "1.5GiB"
files = 64
nice = -3

[[topics]]
name = "a/b"
slots = 1024
cell = "4KiB"
policy = "lossless"
exclusive = true
no-time = true
ephemeral = true
publishers = 3
subscribers = 4

[[topics]]
name = "ü/c"

[config]
whole = 9007199254740993
float = 1.0
half = 0.5
huge = 1e300
big = 1e18
far = 1e20
zero = -0.0
text = "x\u0000y"
list = [1, 2.5, "a", [true]]
when = 1979-05-27T07:32:00.5Z
day = 1979-05-27
tables = [{ a = 1 }, { b = { c = "d" } }]

[[config.more]]
x = 1
`

func TestAManifestIsReadWithEveryKey(t *testing.T) {
	m, err := ParseManifest(full, "/plug")
	if err != nil {
		t.Fatal(err)
	}
	want := &Manifest{
		Contract: Frames, Command: []string{"cat", "-u", "/dev/stdin"}, Dir: filepath.FromSlash("/plug/sub"), User: "nobody",
		Watchdog: Duration(3 * time.Second), Notify: true, Ready: Duration(90 * time.Second), Grace: Duration(250 * time.Millisecond), Orphan: "stop",
		SHA256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", Env: StringMap{"A": "b c"},
		Restart: Restart{Policy: "always", Tries: -1, First: Duration(time.Microsecond), Most: Duration(time.Hour), Steady: Duration(90 * time.Second)},
		Limits:  Limits{Memory: 3 << 29, Files: 64, Nice: -3},
		Topics: []Topic{
			{Name: "a/b", Slots: 1024, Cell: 4096, Policy: "lossless", Exclusive: true, NoTime: true, Ephemeral: true, Publishers: 3, Subscribers: 4},
			{Name: "ü/c"},
		},
		Config: Table{
			"whole": int64(9007199254740993), "float": int64(1), "half": 0.5, "huge": 1e300, "big": int64(1e18), "far": 1e20, "zero": int64(0), "text": "x\x00y",
			"list": []any{int64(1), 2.5, "a", []any{true}}, "when": "1979-05-27T07:32:00.5Z", "day": "1979-05-27",
			"tables": []any{map[string]any{"a": int64(1)}, map[string]any{"b": map[string]any{"c": "d"}}},
			"more":   []any{map[string]any{"x": int64(1)}},
		},
	}
	if !reflect.DeepEqual(m, want) {
		t.Errorf("got\n%+v\nwant\n%+v", m, want)
	}
	o, err := m.Topics[0].Options()
	wantOptions := bus.TopicOptions{
		Slots: 1024, CellSize: 4096, Policy: bus.PolicyLossless, Exclusive: true, NoTime: true, Ephemeral: true, MaxPublishers: 3, MaxSubscribers: 4,
	}
	if err != nil || o != wantOptions {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestAManifestOfThreeKeysHasTheDefaults(t *testing.T) {
	m, err := ParseManifest("contract = \"lines\"\ncommand = [\"vmstat\", \"1\"]\ntopic = \"host/vmstat\"\n", "/plug")
	if err != nil {
		t.Fatal(err)
	}
	want := &Manifest{
		Contract: Lines, Command: []string{"vmstat", "1"}, Topic: "host/vmstat", Dir: "/plug", Orphan: "keep",
		Ready: Duration(30 * time.Second), Grace: Duration(5 * time.Second),
		Restart: Restart{Policy: "on-failure", Tries: 10, First: Duration(500 * time.Millisecond), Most: Duration(30 * time.Second), Steady: Duration(10 * time.Second)},
	}
	if !reflect.DeepEqual(m, want) {
		t.Errorf("got\n%+v\nwant\n%+v", m, want)
	}
}

func TestASpecIsTheSameAfterJSON(t *testing.T) {
	for _, text := range []string{full, "builtin = \"timer\"\n"} {
		m, err := ParseManifest(text, "/plug")
		if err != nil {
			t.Fatal(err)
		}
		spec := Spec{Manifest: *m, Name: "x", Bus: "/b", Place: "/b/.busd", Hash: "h"}
		path := filepath.Join(t.TempDir(), "spec.json")
		if err := WriteJSON(path, spec); err != nil {
			t.Fatal(err)
		}
		var again Spec
		if err := ReadJSON(path, &again); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(again, spec) {
			b, _ := json.Marshal(spec)
			t.Errorf("got\n%+v\nwant\n%+v\nby way of %s", again, spec, b)
		}
	}
}

func TestAManifestsErrorsSayAllThatIsWrongAndWhere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.toml")
	text := `contract = "line"
command = ["a"]
executable = "b"
colour = 1
topic = "a//b"
sha256 = "abc"
orphan = "x"
[restart]
policy = "perhaps"
tries = -2
first = "2m"
speed = 3
[limits]
nice = 20
files = -1
[[topics]]
name = "$bus/x"
[[topics]]
name = "a"
policy = "odd"
[[topics]]
name = "a"
slots = -1
shape = "round"
[config]
x = nan
[env]
"A=B" = "c"
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := ReadManifest(path, nil)
	if err == nil {
		t.Fatal("it is taken")
	}
	for _, want := range []string{
		"line 4: colour: there is no such key", "line 12: restart.speed: there is no such key", "line 24: topics.shape: there is no such key",
		"one of command, executable and builtin", "line 1: contract: ", "line 5: topic: it is for", "line 5: topic: bad topic name", "line 6: sha256: ",
		"line 7: orphan: ", "line 9: restart.policy: ", "line 10: restart.tries: ", "line 11: restart.first: 2m0s is longer", "line 14: limits.nice: ",
		"line 15: limits.files: ", `line 17: topics[0].name: "$bus/x" is busd's`, "line 20: topics[1].policy: ", `line 22: topics[2].name: "a" is there twice`,
		"line 21: topics[2]: ", `line 25: config: "x": NaN cannot`, `line 27: env: "A=B" is no name`,
	} {
		if !strings.Contains(err.Error(), path+": "+want) {
			t.Errorf("it does not say %q", want)
		}
	}
	if t.Failed() {
		t.Log(err)
	}
}

func TestWhatIsWrongWithKeysDoesNotHideWhatElseIsFound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.toml")
	more := func(m *Manifest) error { return BadConfig("every", "%v is too short", m.Config["every"]) }
	for text, want := range map[string]string{
		"builtin = \"timer\"\norphn = \"keep\"\n[config]\nevery = \"1us\"\n": "%[1]s: line 2: orphn: there is no such key; docs/PLUGINS.md has all of them\n" +
			"%[1]s: line 4: config.every: 1us is too short",
		"builtin = \"timer\"\n[config]\nevery = nan\n": `%[1]s: line 2: config: "every": NaN cannot be handed over, because JSON has no such number`,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadManifest(path, more); err == nil || err.Error() != fmt.Sprintf(want, path) {
			t.Errorf("%s\n%v", text, err)
		}
	}
}

func TestAManifestsSyntaxErrorsSayTheLine(t *testing.T) {
	for text, want := range map[string][]string{
		"a = \n":                                 {"line 1"},
		"\ncommand = 3\n":                        {"line 2: command: it has to be a list of strings, and is a whole number"},
		"[restart]\nfirst = \"soon\"\n":          {"line 2", "first", `"soon" is no duration`},
		"[restart]\nfirst = \"-1s\"\n":           {"line 2", "no duration"},
		"[limits]\n\nmemory = \"5XB\"\n":         {"line 3", "memory", "no number of bytes"},
		"[env]\nA = 3\n":                         {"line 2", "env.A"},
		"grace = \"1s\"\ngrace = \"1s\"\n":       {"line 2", "grace"},
		"x = \"" + strings.Repeat("é", 9) + "\n": {"line 1"},
	} {
		_, err := ParseManifest(text, "/d")
		if err == nil {
			t.Errorf("%q is taken", text)
			continue
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%q: %q does not say %q", text, err, w)
			}
		}
	}
}

func TestAllValuesThatCannotBeReadAreToldInTheirOrder(t *testing.T) {
	const text = `command = ["a", 3]
notify = "yes"
grace = "soon"
ready = 5
topic = 1.5
dir = 1979-05-27
limits = [1]
restart = { tries = "3", first = "1s", most = true }

[env]
Z = 1
A = false
B = "c"

[[topics]]
name = "a"
[[topics]]
slots = "8"
cell = "4XB"
[[config]]
colour = 1
`
	want := strings.Join([]string{
		`line 1: command: it has to be a list of strings, and is a list with a whole number in it`,
		`line 2: notify: it has to be true or false, and is a string`,
		`line 3: grace: "soon" is no duration, such as "500ms" or "10s"`,
		`line 4: ready: it has to be a duration like "5s", and is a whole number`,
		`line 5: topic: it has to be a string, and is a number with a point`,
		`line 6: dir: it has to be a string, and is a date or time`,
		`line 7: limits: it has to be a table, and is a list`,
		`line 8: restart.most: it has to be a duration like "5s", and is true`,
		`line 8: restart.tries: it has to be a whole number, and is a string`,
		`line 11: env.Z: it has to be a string, and is a whole number`,
		`line 12: env.A: it has to be a string, and is false`,
		`line 18: topics[1].slots: it has to be a whole number, and is a string`,
		`line 19: topics[1].cell: "4XB" is no number of bytes, like 64, 1KiB or 1.5MiB`,
		`line 20: config: it has to be a table, and is a list`,
	}, "\n")
	for range 20 { // the order of a map is another one each time
		if _, err := ParseManifest(text, "/d"); err == nil || err.Error() != want {
			t.Fatalf("got\n%v\nwant\n%s", err, want)
		}
	}
	for text, want := range map[string]string{
		"topics = 3":                      "line 1: topics: it has to be a list of tables, and is a whole number",
		"topics = [1]":                    "line 1: topics: it has to be a list of tables, and is a list with a whole number in it",
		"restart = true":                  "line 1: restart: it has to be a table, and is true",
		"[limits]\nmemory = [1]":          `line 2: limits.memory: it has to be a size like 4096 or "64KiB", and is a list`,
		"[limits]\nnice = { a = 1 }":      "line 2: limits.nice: it has to be a whole number, and is a table",
		"Grace = \"soon\"\nready = \"x\"": "line 1: Grace: \"soon\" is no duration, such as \"500ms\" or \"10s\"\nline 2: ready: \"x\" is no duration, such as \"500ms\" or \"10s\"",
	} {
		if _, err := ParseManifest(text, "/d"); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func TestWhatIsNoManifestIsNotRead(t *testing.T) {
	dir := t.TempDir()
	if _, err := ReadManifest(dir, nil); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("a directory: %v", err)
	}
	if _, err := ReadManifest(filepath.Join(dir, "none.toml"), nil); !os.IsNotExist(err) {
		t.Errorf("none: %v", err)
	}
	long := filepath.Join(dir, "long.toml")
	if err := os.WriteFile(long, make([]byte, MaxManifest+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadManifest(long, nil); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("a long one: %v", err)
	}
}

func TestContradictionsInAManifest(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "here 0 of them",
		"command = [\"a\"]":                  "line 1: command: it needs a contract",
		"command = [\"\"]\ncontract=\"bus\"": "no program",
		"command = [\"a\\u0000\"]\ncontract=\"bus\"":                         "zero byte",
		"command = [\"a\"]\ncontract=\"lines\"":                              "line 2: contract: lines need topic",
		"builtin = \"timer\"\ncontract = \"bus\"":                            "line 2: contract: a builtin brings its own",
		"builtin = \"timer\"\nconfig = 3":                                    "line 2: config: it has to be a table, and is a whole number",
		"builtin = \"timer\"\nenv = [1]":                                     "line 2: env: it has to be a table",
		"builtin = \"timer\"\n[[config]]\na = 1":                             "line 2: config: it has to be a table",
		"builtin = \"timer\"\n[Restart]\ntries = 1":                          "line 2: Restart: there is no such key",
		"builtin = \"timer\"\n[restart]\nTries = 1":                          "line 3: restart.Tries: there is no such key",
		"builtin = \"timer\"\ntopic = \"x\"":                                 "line 2: topic: it is for",
		"executable = \"x\"\n[env]\nA = \"\\u0000\"":                         "line 3: env.A: it has a zero byte",
		"executable = \"x\"\n[env]\nA = \"\"\nSHMBUS_DIR = \"/x\"":           "line 4: env.SHMBUS_DIR: it is busd's",
		"builtin = \"timer\"\nsha256 = \"" + strings.Repeat("ab", 32) + "\"": "sha256: it is for executables",
		"executable = \"x\"\nsha256 = \"" + strings.Repeat("xy", 32) + "\"":  "64 hex digits",
	} {
		if _, err := ParseManifest(text, "/d"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestAZeroIsNotTakenForTheDefault(t *testing.T) {
	_, err := ParseManifest("builtin = \"timer\"\ngrace = \"0s\"\nready = \"0s\"\norphan = \"\"\n[restart]\ntries = 0\nfirst = \"0s\"\nmost = \"0s\"\nsteady = \"0s\"\npolicy = \"\"", "/d")
	if err == nil {
		t.Fatal("nothing is wrong with it")
	}
	for _, want := range []string{
		"line 2: grace: 0s: it has to be longer", "line 3: ready: 0s", "line 4: orphan: ", "line 6: restart.tries: 0: ", "line 7: restart.first: 0s", "line 8: restart.most: 0s",
		"line 9: restart.steady: 0s", "line 10: restart.policy: ",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in\n%v", want, err)
		}
	}
}

func TestNamesOfPlugins(t *testing.T) {
	for _, good := range []string{"a", "A-b_c.9", "_x", strings.Repeat("a", 64)} {
		if err := CheckPluginName(good); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"", ".a", "..", "-a", "a/b", "a b", "ä", "a\x00", "a\n", strings.Repeat("a", 65), "a*", Own} {
		if CheckPluginName(bad) == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	if Name("/x/a.b.toml") != "a.b" || CheckPluginName(Name("/x/.toml")) == nil {
		t.Error("names of files")
	}
}

func FuzzManifest(f *testing.F) {
	f.Add(full)
	f.Add("contract = \"lines\"\ncommand = [\"a\"]\ntopic = \"b\"\n")
	f.Add("[[topics]]\n[[topics]]\nname=\"x\"\n[config.a]\nb=inf\nc=[{d=07:32:00}]\n")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := ParseManifest(text, "/d")
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without a text")
			}
			return
		}
		spec := Spec{Manifest: *m, Name: "x"}
		b, err := json.Marshal(spec)
		if err != nil {
			t.Fatal(err)
		}
		var again Spec
		if err := json.Unmarshal(b, &again); err != nil {
			t.Fatalf("%v: %s", err, b)
		}
		c, err := json.Marshal(again)
		if err != nil || string(c) != string(b) {
			t.Errorf("%s\nis then\n%s\n%v", b, c, err)
		}
	})
}
