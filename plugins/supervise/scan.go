package supervise

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"shmbus/plugins"
	"shmbus/plugins/builtin"
)

const (
	settle      = 300 * time.Millisecond // a file that was changed so short a time ago may be half written
	secondLook  = time.Second            // a manifest with an error that was changed so short a time ago is read again before anybody is told
	writerLimit = 5 * time.Second        // a file that somebody has had open for writing for so long is a problem
	maxManifest = 1 << 20                // bytes
	maxFiles    = 4096                   // in a plugin directory
	hashFormat  = 1                      // changes when what is in a Hash does
)

// A Found is a plugin in a plugin directory.
type Found struct {
	Name      string
	Path      string            // of its manifest; "" if it has none
	Manifest  *plugins.Manifest // nil if it cannot be read
	Spec      *plugins.Spec     // nil with a Problem
	Problem   error             // why it is not run
	Unsettled bool              // it is being written: nothing is to be done yet
}

// A scanner looks at a plugin directory. It remembers what it has read, and reads it again only when it has changed.
type scanner struct {
	dir       string
	bus       string
	place     plugins.Place
	settled   map[string]identity
	manifests map[string]readManifest
	sums      map[string]sum
	refused   error // why nothing in the directory is run, as of the last scan
}

type readManifest struct {
	identity
	m   *plugins.Manifest
	err error
	raw string // of a manifest with an error
}

type sum struct {
	identity
	hex string
}

func newScanner(dir, bus string, place plugins.Place) *scanner {
	return &scanner{
		dir: dir, bus: bus, place: place,
		settled: map[string]identity{}, manifests: map[string]readManifest{}, sums: map[string]sum{},
	}
}

// Look says what is in a plugin directory, sorted by name, without running any of it. A directory that is not there is empty. The error
// is about the directory as a whole. bus and place are those that the plugins would be run with.
func Look(dir, bus string, place plugins.Place) ([]Found, error) {
	s := newScanner(dir, bus, place)
	all, err := s.scan(time.Now())
	err = errors.Join(err, s.refused)
	return slices.SortedFunc(maps.Values(all), func(a, b Found) int { return strings.Compare(a.Name, b.Name) }), err
}

// scan looks at the directory once. An error says that nothing is known of what is in it.
func (s *scanner) scan(now time.Time) (map[string]Found, error) {
	all := make(map[string]Found)
	s.refused = nil
	entries, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err != nil {
		return nil, fmt.Errorf("plugin directory: %w", err)
	}
	info, err := os.Stat(s.dir)
	if err != nil {
		return nil, fmt.Errorf("plugin directory: %w", err)
	}
	if err := programs(s.dir, info); err != nil {
		return nil, fmt.Errorf("plugin directory: %w", err)
	}
	if len(entries) > maxFiles {
		return nil, fmt.Errorf("plugin directory: %s has more than %d files: is it one?", s.dir, maxFiles)
	}
	s.refused = trusted(s.dir, info)

	var claimed []string // files that are part of a plugin with a manifest
	var texts []string   // of manifests that cannot be read now: a file that is named in one is not a plugin of its own
	seen := make(map[string]bool)
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".toml")
		if !ok || ignored(e.Name()) || e.IsDir() {
			continue
		}
		path := filepath.Join(s.dir, e.Name())
		seen[path] = true
		f := Found{Name: name, Path: path, Problem: plugins.CheckPluginName(name)}
		m, raw, unsettled, err := s.manifest(path, now)
		if errors.Is(err, fs.ErrNotExist) {
			if _, err := os.Lstat(path); err != nil {
				continue // it has just gone
			}
			err = fmt.Errorf("%s is a symbolic link that leads nowhere", path)
		}
		f.Unsettled = unsettled
		f.Problem = errors.Join(f.Problem, err)
		claimed = append(claimed, filepath.Join(s.dir, name))
		if half, err := plugins.ParseManifest(raw, s.dir); err == nil { // not settled yet, or wrong elsewhere: what it names can be read all the same
			claimed = append(claimed, named(half)...)
		} else {
			texts = append(texts, raw)
		}
		if m != nil {
			claimed = append(claimed, named(m)...)
			if f.Problem == nil {
				s.resolve(&f, m, now)
			}
		}
		all[name] = f
	}
	for _, e := range entries {
		path := filepath.Join(s.dir, e.Name())
		if strings.HasSuffix(e.Name(), ".toml") || ignored(e.Name()) || slices.Contains(claimed, path) {
			continue
		}
		info, err := os.Stat(path) // of what a symbolic link leads to
		if err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
			continue
		}
		f := Found{Name: e.Name(), Problem: plugins.CheckPluginName(e.Name())}
		if slices.ContainsFunc(texts, func(t string) bool { return mentions(t, e.Name()) }) {
			f.Problem = fmt.Errorf("a manifest that cannot be read now names %s; it is no plugin of its own then", path)
		}
		if f.Problem == nil {
			m, err := plugins.ParseManifest(fmt.Sprintf("executable = %q", e.Name()), s.dir)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			s.resolve(&f, m, now)
		}
		all[f.Name] = f
	}
	maps.DeleteFunc(s.manifests, func(path string, _ readManifest) bool { return !seen[path] })
	if s.refused != nil {
		for name := range all {
			all[name] = Found{Name: name, Problem: s.refused}
		}
	}
	return all, nil
}

// ignored says whether a file in the plugin directory is none of busd's business.
func ignored(name string) bool {
	if name[0] == '.' || strings.HasPrefix(name, "README") {
		return true
	}
	for _, end := range []string{"~", ".new", ".tmp", ".swp", ".bak"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

// named is the files that a manifest may mean, as its executable or in its command.
func named(m *plugins.Manifest) []string {
	all := []string{m.Executable}
	for _, word := range m.Command {
		if !filepath.IsAbs(word) {
			word = filepath.Join(m.Dir, word)
		}
		all = append(all, filepath.Clean(word))
	}
	return all
}

// otherValue is a line of a manifest that says something else than what is run, in whatever state the manifest is.
var otherValue = regexp.MustCompile(`^(#|([\w.-]+)\s*=\s*("[^"]*"|'[^']*')\s*(#.*)?$)`)

// mentions says whether the text of a manifest that cannot be read may have a file as its executable or in its command: as a string, or as the last
// part of a path in one.
func mentions(text, name string) bool {
	for line := range strings.Lines(text) {
		if m := otherValue.FindStringSubmatch(strings.TrimSpace(line)); m != nil && m[2] != "executable" && m[2] != "command" {
			continue
		}
		for _, quote := range []string{`"`, `'`} {
			for _, before := range []string{quote, "/"} {
				if strings.Contains(line, before+name+quote) {
					return true
				}
			}
		}
	}
	return false
}

// program is the file that a plugin is run from, and which key says so: "" for one that comes with busd. One that is looked up in PATH may be another at
// each look.
func program(m *plugins.Manifest) (path, key string, err error) {
	switch {
	case m.Executable != "":
		return m.Executable, "executable", nil
	case len(m.Command) == 0:
		return "", "command", nil
	case !strings.Contains(m.Command[0], "/"):
		path, err = m.LookUp()
		return path, "command", err
	case filepath.IsAbs(m.Command[0]):
		return m.Command[0], "command", nil
	}
	return filepath.Join(m.Dir, m.Command[0]), "command", nil
}

// manifest reads a manifest, if it can be taken for complete. Of one that cannot be understood it returns the text as well.
func (s *scanner) manifest(path string, now time.Time) (m *plugins.Manifest, raw string, unsettled bool, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, "", false, err
	}
	switch {
	case !info.Mode().IsRegular():
		return nil, "", false, fmt.Errorf("%s is no regular file", path)
	case info.Size() > maxManifest:
		return nil, "", false, fmt.Errorf("%s has %d bytes; a manifest has at most %d", path, info.Size(), maxManifest)
	}
	if err := trusted(path, info); err != nil {
		return nil, "", false, err
	}
	id := identify(info)
	r, ok := s.manifests[path]
	if !ok || r.identity != id {
		if unsettled, err = s.unsettled(path, id, now); unsettled || err != nil {
			text, _ := os.ReadFile(path)
			return nil, string(text), unsettled, err
		}
		r = readManifest{identity: id}
		if r.m, r.err = plugins.ReadManifest(path, builtin.Check); r.err != nil {
			text, _ := os.ReadFile(path)
			r.raw = string(text)
		}
		s.manifests[path] = r
	}
	if r.err != nil && fresh(id, now, secondLook) {
		delete(s.manifests, path)
		return nil, r.raw, true, nil
	}
	return r.m, r.raw, false, r.err
}

// unsettled says whether a file may be half written.
func (s *scanner) unsettled(path string, id identity, now time.Time) (bool, error) {
	if s.settled[path] == id {
		return false, nil
	}
	if fresh(id, now, settle) {
		return true, nil
	}
	if beingWritten(path) {
		if fresh(id, now, writerLimit) {
			return true, nil
		}
		return false, fmt.Errorf("%s is open for writing in some process (fuser -v %s shows which): close it there", path, path)
	}
	s.settled[path] = id
	return false, nil
}

// fresh says whether a file was changed less than d ago. It may have been changed after now, which is when the look began. A time further to come is
// no reason to wait: the clock was set back.
func fresh(id identity, now time.Time, d time.Duration) bool {
	return now.Sub(id.changed()).Abs() < d
}

// resolve makes a Spec of a manifest, or finds all that keeps it from being run.
func (s *scanner) resolve(f *Found, m *plugins.Manifest, now time.Time) {
	f.Manifest = m
	spec := &plugins.Spec{Manifest: *m, Name: f.Name, Bus: s.bus, Place: s.place}
	path, key, missing := program(m)
	if f.Path == "" {
		key = "" // nobody wrote one
	}
	id, unsettled, err := s.examine(path, key, m, now)
	if f.Unsettled = unsettled; unsettled {
		return
	}
	_, nobody := plugins.RunAs(m.User)
	wrong := []error{missing, err, nobody, s.place.Plugin(f.Name).CheckNotify()}
	for _, path := range named(m) {
		if err := trustedIn(s.dir, path); err != nil {
			wrong = append(wrong, &plugins.KeyError{Key: key, Err: err})
			break
		}
	}
	if f.Problem = plugins.WrongIn(f.Path, errors.Join(wrong...)); f.Problem != nil {
		return
	}
	b, err := json.Marshal(struct {
		Format int
		Spec   *plugins.Spec
		File   identity
	}{hashFormat, spec, id})
	if err != nil { // a config table with what JSON does not have, such as nan
		f.Problem = fmt.Errorf("manifest of %s: %w", f.Name, err)
		return
	}
	h := sha256.Sum256(b)
	spec.Hash = hex.EncodeToString(h[:])
	f.Spec = spec
}

// examine looks at the file that a plugin is run from, if there is one, which key says, "" without a manifest. Its error is of KeyErrors.
func (s *scanner) examine(path, key string, m *plugins.Manifest, now time.Time) (id identity, unsettled bool, err error) {
	if path == "" {
		return id, false, nil
	}
	var wrong []error
	bad := func(key string, err error) {
		if err != nil {
			wrong = append(wrong, &plugins.KeyError{Key: key, Err: err})
		}
	}
	switch info, err := os.Stat(path); {
	case err != nil:
		bad(key, err)
	case !info.Mode().IsRegular():
		bad(key, fmt.Errorf("%s is no regular file", path))
	default:
		id = identify(info)
		unsettled, err = s.unsettled(path, id, now)
		if bad(key, err); unsettled || err != nil {
			break
		}
		if info.Mode()&0o111 == 0 {
			bad(key, fmt.Errorf("%s is not executable: chmod +x %s", path, path))
		}
		if m.SHA256 != "" {
			switch is, err := s.sumOf(path, id); {
			case err != nil:
				bad(key, err)
			case !strings.EqualFold(is, m.SHA256):
				bad("sha256", fmt.Errorf("%s has the sha256 %s, and the manifest wants %s", path, is, m.SHA256))
			}
		}
	}
	return id, unsettled, errors.Join(wrong...)
}

// sumOf is the SHA-256 of an executable, in hex.
func (s *scanner) sumOf(path string, id identity) (string, error) {
	had, ok := s.sums[path]
	if !ok || had.identity != id {
		f, err := os.Open(path)
		if err != nil {
			return "", err
		}
		defer f.Close()
		h := sha256.New()
		if _, err := io.Copy(h, f); err != nil {
			return "", err
		}
		had = sum{id, hex.EncodeToString(h.Sum(nil))}
		s.sums[path] = had
	}
	return had.hex, nil
}
