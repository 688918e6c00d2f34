package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/go-hclog"
	"github.com/spf13/cobra"

	"shmbus/bus"
	"shmbus/internal/dash"
	"shmbus/internal/keeper"
	"shmbus/plugins"
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
	file  string // its path
	may   bool   // file need not be there
	none  bool   // it is not
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
	s := &settings{file: a.config, may: a.config == "", level: hclog.Info}
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
	if err := s.read(); err != nil {
		return nil, err
	}
	return s, s.resolve(a, home)
}

// from is where the configuration is from, for people.
func (s *settings) from() string {
	if s.none {
		return "none"
	}
	return s.file
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
	if s.none = s.may && errors.Is(err, fs.ErrNotExist); s.none {
		return nil
	}
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
	file := plugins.TOML{Path: s.file, Text: text}
	all, err := file.Decode(&s.config, "docs/BUSD.md")
	if err != nil {
		return err
	}
	if s.level, err = level(s.Log.Level); err != nil {
		all = append(all, &plugins.KeyError{Key: "log.level", Err: err})
	}
	for _, path := range []*string{&s.Web.Cert, &s.Web.Key} {
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(filepath.Dir(s.file), *path)
		}
	}
	all = append(all, s.Web.Check(), keyed(s.Keeper.Check()))
	all = append(all, plugins.CheckTopics(s.Topics)...)
	return file.Wrong(errors.Join(all...))
}

// keyed makes KeyErrors of errors that begin with a key and " = ", which one may be of several.
func keyed(err error) error {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, err := range several.Unwrap() {
			all = append(all, keyed(err))
		}
		return errors.Join(all...)
	}
	if err != nil {
		if key, rest, ok := strings.Cut(err.Error(), " = "); ok {
			return &plugins.KeyError{Key: key, Err: errors.New(rest)}
		}
	}
	return err
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
