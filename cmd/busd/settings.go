package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/hashicorp/go-hclog"
	"github.com/spf13/cobra"

	"shmbus/bus"
	"shmbus/internal/dash"
	"shmbus/internal/keeper"
	"shmbus/plugins"
	"shmbus/topics"
)

// A config is busd.toml. docs/BUSD.md has every key.
type config struct {
	Bus     string          `toml:"bus"`     // the bus directory
	Plugins string          `toml:"plugins"` // the plugin directory
	State   string          `toml:"state"`   // the place; by default .busd in the bus directory
	Log     logConfig       `toml:"log"`
	Topics  []plugins.Topic `toml:"topics"` // to be there from the beginning
	Web     dash.Config     `toml:"web"`
	Keeper  keeper.Config   `toml:"keeper"`
}

type logConfig struct {
	Level string `toml:"level"` // trace, debug, info (default), warn, error
	JSON  bool   `toml:"json"`  // on standard error
}

// maxConfig is the longest busd.toml, in bytes.
const maxConfig = 1 << 20

// settings is a configuration with everything resolved.
type settings struct {
	config
	file  string // "": there is none
	place plugins.Place
	level hclog.Level
}

// settings reads the configuration, and fills in what the flags and the environment say. Paths come out absolute.
func (a *app) settings(c *cobra.Command) (*settings, error) {
	for name, value := range map[string]string{"bus": a.bus, "plugins": a.plugins, "config": a.config} {
		if value == "" && c.Flags().Changed(name) {
			return nil, usage(c, "--%s names nothing", name)
		}
	}
	home, err := configHome()
	if err != nil && a.config == "" && a.plugins == "" {
		return nil, fmt.Errorf("%w; say where the plugins are with --plugins", err)
	}
	s := &settings{file: a.config, level: hclog.Info}
	if s.file == "" {
		dir := filepath.Join(home, "plugins")
		if a.plugins != "" {
			dir = a.plugins
		}
		if dir, err = filepath.Abs(dir); err != nil { // "." and ".." do not name what they lie in
			return nil, err
		}
		s.file = filepath.Join(filepath.Dir(dir), "busd.toml")
	}
	if s.file, err = filepath.Abs(s.file); err != nil {
		return nil, err
	}
	err = s.read()
	if errors.Is(err, fs.ErrNotExist) && a.config == "" {
		s.file, err = "", nil
	}
	if err != nil {
		return nil, err
	}
	return s, s.resolve(a, home)
}

// resolve fills in what the file has not said.
func (s *settings) resolve(a *app, home string) (err error) {
	path := func(flag, inFile, otherwise string) (string, error) {
		switch {
		case flag != "":
			return filepath.Abs(flag)
		case inFile != "" && !filepath.IsAbs(inFile):
			return filepath.Join(filepath.Dir(s.file), inFile), nil
		case inFile != "":
			return filepath.Clean(inFile), nil
		}
		return filepath.Abs(otherwise)
	}
	b, err := bus.Open("")
	if err != nil {
		return err
	}
	defer b.Close()
	if s.Bus, err = path(a.bus, s.Bus, b.Dir()); err != nil {
		return err
	}
	beside := filepath.Join(home, "plugins")
	if home == "" {
		beside = filepath.Join(filepath.Dir(s.file), "plugins")
	}
	if s.Plugins, err = path(a.plugins, s.Plugins, beside); err != nil {
		return err
	}
	state, err := path("", s.State, string(plugins.PlaceOf(s.Bus)))
	s.place = plugins.Place(state)
	return err
}

// configHome is where the configuration of a user is, or that of the machine for root.
func configHome() (string, error) {
	if os.Geteuid() == 0 && os.Getenv("XDG_CONFIG_HOME") == "" {
		return "/etc/shmbus", nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "shmbus"), nil
}

// read reads the file, and checks it. An error has everything that is wrong.
func (s *settings) read() error {
	i, err := os.Stat(s.file)
	if err != nil {
		return err
	}
	if !i.Mode().IsRegular() || i.Size() > maxConfig {
		return fmt.Errorf("%s is no regular file of up to %d bytes", s.file, maxConfig)
	}
	text, err := os.ReadFile(s.file)
	if err != nil {
		return err
	}
	return s.parse(string(text))
}

func (s *settings) parse(text string) error {
	meta, err := toml.Decode(text, &s.config)
	if err != nil {
		var bad toml.ParseError
		if errors.As(err, &bad) {
			return fmt.Errorf("%s:%d: %s", s.file, bad.Position.Line, strings.TrimSpace(bad.ErrorWithPosition()))
		}
		return fmt.Errorf("%s: %w", s.file, err)
	}
	var all []error
	bad := func(key, format string, args ...any) {
		all = append(all, fmt.Errorf("%s:%s %s", s.file, lineOf(text, key), fmt.Sprintf(format, args...)))
	}
	for _, key := range meta.Undecoded() {
		bad(key[len(key)-1], "there is no key %q; docs/BUSD.md has all of them", key.String())
	}
	if s.level, err = level(s.Log.Level); err != nil {
		bad("level", "log.level: %v", err)
	}
	for _, path := range []*string{&s.Web.Cert, &s.Web.Key} {
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(filepath.Dir(s.file), *path)
		}
	}
	if err := s.Web.Check(); err != nil {
		bad("[web]", "%v", err)
	}
	if err := s.Keeper.Check(); err != nil {
		bad("[keeper]", "%v", err)
	}
	seen := make(map[string]bool)
	for _, t := range s.Topics {
		err := topics.CheckName(t.Name)
		if err == nil {
			var o bus.TopicOptions
			if o, err = t.Options(); err == nil {
				err = o.Check()
			}
		}
		switch {
		case plugins.Reserved(t.Name):
			err = errors.New("topics under $bus/ are busd's own")
		case seen[t.Name]:
			err = errors.New("it is there twice")
		}
		if err != nil {
			bad(fmt.Sprintf("%q", t.Name), "topic %q: %v", t.Name, err)
		}
		seen[t.Name] = true
	}
	return errors.Join(all...)
}

// lineOf is the number of the first line of a text with a word, and a colon; "" if there is none.
func lineOf(text, word string) string {
	for i, line := range strings.Split(text, "\n") {
		if strings.Contains(line, word) && !strings.HasPrefix(strings.TrimSpace(line), "#") {
			return fmt.Sprintf("%d:", i+1)
		}
	}
	return ""
}

func level(name string) (hclog.Level, error) {
	if name == "" {
		return hclog.Info, nil
	}
	l := hclog.LevelFromString(name)
	if l == hclog.NoLevel || l == hclog.Off {
		return hclog.Info, fmt.Errorf("there is no level %q; there are trace, debug, info, warn and error", name)
	}
	return l, nil
}
