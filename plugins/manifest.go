package plugins

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"shmbus/bus"
	"shmbus/internal/bytesize"
)

// A Manifest is NAME.toml in the plugin directory: what the plugin NAME is. docs/PLUGINS.md has every key.
type Manifest struct {
	Contract   Contract  `toml:"contract" json:"contract,omitempty"`     // "": the plugin says so by its handshake
	Command    []string  `toml:"command" json:"command,omitempty"`       // program and arguments; the program is looked up in PATH if it has no '/'
	Executable string    `toml:"executable" json:"executable,omitempty"` // a file, relative to the plugin directory; instead of command
	Builtin    string    `toml:"builtin" json:"builtin,omitempty"`       // one that busd brings; instead of command
	Topic      string    `toml:"topic" json:"topic,omitempty"`           // of contract lines
	Topics     []Topic   `toml:"topics" json:"topics,omitempty"`
	Env        StringMap `toml:"env" json:"env,omitempty"`
	Dir        string    `toml:"dir" json:"dir,omitempty"`   // working directory, relative to the plugin directory; the plugin directory by default
	User       string    `toml:"user" json:"user,omitempty"` // name or number; another one than busd's needs busd to be root
	Restart    Restart   `toml:"restart" json:"restart"`
	Limits     Limits    `toml:"limits" json:"limits"`
	Watchdog   Duration  `toml:"watchdog" json:"watchdog,omitempty"` // it has to say WATCHDOG=1 at least so often; 0: it need not
	Notify     bool      `toml:"notify" json:"notify,omitempty"`     // it says READY=1 when it is; otherwise it is when it has started
	Ready      Duration  `toml:"ready" json:"ready,omitempty"`       // it has to be ready, or to have said its handshake, within; 30s by default
	Grace      Duration  `toml:"grace" json:"grace,omitempty"`       // from SIGTERM to SIGKILL; 5s by default
	Orphan     string    `toml:"orphan" json:"orphan,omitempty"`     // when busd is killed: "keep" (default) or "stop"
	SHA256     string    `toml:"sha256" json:"sha256,omitempty"`     // of the executable, in hex
	Config     Table     `toml:"config" json:"config,omitempty"`     // for the plugin
}

// StringMap is a table of strings.
type StringMap map[string]string

// A Topic is the shape of a topic that a plugin publishes. Zeros stand for the bus's defaults.
type Topic struct {
	Name        string        `toml:"name" json:"name"`
	Slots       int           `toml:"slots" json:"slots,omitempty"`
	Cell        bytesize.Size `toml:"cell" json:"cell,omitempty"`     // bytes
	Policy      string        `toml:"policy" json:"policy,omitempty"` // "overwrite" (default) or "lossless"
	Exclusive   bool          `toml:"exclusive" json:"exclusive,omitempty"`
	NoTime      bool          `toml:"no-time" json:"no-time,omitempty"`
	Ephemeral   bool          `toml:"ephemeral" json:"ephemeral,omitempty"`
	Publishers  int           `toml:"publishers" json:"publishers,omitempty"`
	Subscribers int           `toml:"subscribers" json:"subscribers,omitempty"`
}

// Restart says what happens when a plugin ends by itself.
type Restart struct {
	Policy string   `toml:"policy" json:"policy,omitempty"` // "on-failure" (default), "always" or "never"
	Tries  int      `toml:"tries" json:"tries,omitempty"`   // failures in a row before it is given up; 10 by default, -1: never
	First  Duration `toml:"first" json:"first,omitempty"`   // the first pause; each is twice the one before it, with jitter; 500ms by default
	Most   Duration `toml:"most" json:"most,omitempty"`     // the longest pause; 30s by default
	Steady Duration `toml:"steady" json:"steady,omitempty"` // who has been ready for so long has not failed in a row; 10s by default
}

// Limits are those of the plugin's processes. Zeros stand for none.
type Limits struct {
	Memory bytesize.Size `toml:"memory" json:"memory,omitempty"` // bytes, of all of its processes together
	Files  int           `toml:"files" json:"files,omitempty"`   // open files of one process
	Nice   int           `toml:"nice" json:"nice,omitempty"`     // -20 to 19
}

// Options are the topic's options for the bus.
func (t Topic) Options() (bus.TopicOptions, error) {
	o := bus.TopicOptions{
		Slots: t.Slots, CellSize: int(t.Cell), Exclusive: t.Exclusive, NoTime: t.NoTime, Ephemeral: t.Ephemeral,
		MaxPublishers: t.Publishers, MaxSubscribers: t.Subscribers,
	}
	switch t.Policy {
	case "", "overwrite":
	case "lossless":
		o.Policy = bus.PolicyLossless
	default:
		return o, fmt.Errorf("policy %q: there are overwrite and lossless", t.Policy)
	}
	return o, nil
}

// MarshalJSON writes a topic with the manifest's keys, and the bytes of a cell as a number, for plugins in any language.
func (t Topic) MarshalJSON() ([]byte, error) {
	type plain Topic // without methods
	return json.Marshal(struct {
		plain
		Cell int `json:"cell,omitempty"`
	}{plain(t), int(t.Cell)})
}

// UnmarshalJSON reads what MarshalJSON writes. A cell may also be as in a manifest, "4KiB".
func (t *Topic) UnmarshalJSON(b []byte) error {
	type plain Topic
	v := struct {
		*plain
		Cell json.RawMessage `json:"cell"`
	}{plain: (*plain)(t)}
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	if v.Cell == nil {
		return nil
	}
	return t.Cell.Set(strings.Trim(string(v.Cell), `"`))
}

// Name is the plugin that a manifest's path stands for: NAME of NAME.toml.
func Name(path string) string { return strings.TrimSuffix(filepath.Base(path), ".toml") }

// MaxManifest is the longest manifest, in bytes.
const MaxManifest = 1 << 20

// ReadManifest reads the manifest at path, checks it and fills its defaults in. Its errors name the file, the line where it can be told,
// and all that is wrong; but what is no TOML, or values of other types, end the reading there. Otherwise more is asked as well, which may be nil: its
// errors get lines where they are KeyErrors. What it is given may have more that is wrong.
func ReadManifest(path string, more func(*Manifest) error) (*Manifest, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, MaxManifest+1))
	if err != nil {
		return nil, err
	}
	if len(b) > MaxManifest {
		return nil, fmt.Errorf("%s: more than %d bytes", path, MaxManifest)
	}
	return parse(TOML{path, string(b)}, filepath.Dir(path), more)
}

// openRegular opens a file to read it. What else has a name, a pipe for instance, could make the reader wait for ever.
func openRegular(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: no regular file", path)
	}
	return os.Open(path)
}

// ParseManifest is ReadManifest for a text; relative paths are to dir.
func ParseManifest(text, dir string) (*Manifest, error) { return parse(TOML{Text: text}, dir, nil) }

func parse(file TOML, dir string, more func(*Manifest) error) (*Manifest, error) {
	m := &Manifest{
		Ready: DefaultReady, Grace: DefaultGrace, Orphan: "keep",
		Restart: Restart{Policy: "on-failure", Tries: DefaultTries, First: DefaultFirst, Most: DefaultMost, Steady: DefaultSteady},
	}
	all, err := file.Decode(m, "docs/PLUGINS.md", "config", "env")
	if err != nil {
		return nil, err
	}
	m.locate(dir)
	all = append(all, m.check()...)
	if m.Config, err = m.Config.plain(); err != nil {
		all = append(all, &KeyError{"config", err})
	} else if more != nil {
		all = append(all, more(m))
	}
	if err := errors.Join(all...); err != nil {
		return nil, file.Wrong(err)
	}
	return m, nil
}

// Defaults of a Manifest.
const (
	DefaultReady  = Duration(30 * time.Second)
	DefaultGrace  = Duration(5 * time.Second)
	DefaultTries  = 10
	DefaultFirst  = Duration(500 * time.Millisecond)
	DefaultMost   = Duration(30 * time.Second)
	DefaultSteady = Duration(10 * time.Second)
)

// locate makes paths absolute.
func (m *Manifest) locate(dir string) {
	if m.Dir == "" {
		m.Dir = dir
	} else if !filepath.IsAbs(m.Dir) {
		m.Dir = filepath.Join(dir, m.Dir)
	}
	if m.Executable != "" && !filepath.IsAbs(m.Executable) {
		m.Executable = filepath.Join(dir, m.Executable)
	}
}
