package filetail

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"shmbus/plugins"
)

// A pattern is an entry of Config.Paths.
type pattern struct {
	path  string   // absolute
	dirs  []string // patterns of the directories in which files and directories that match may come; the innermost first
	root  string   // the directory around them, by its name
	fresh bool     // files that are there now are not new: Config.From says where to begin
}

func newFollower(ctx context.Context, p *plugins.Plugin, c Config) (*follower, error) {
	f := &follower{
		ctx: ctx, plugin: p, log: p.Log, config: c, every: time.Duration(c.Rescan), turn: min(longestTurn, p.AliveEvery()/2),
		tails: make(map[string]*tail), targets: make(map[string]map[*tail]bool), busy: make(map[*tail]bool), moved: make(map[*tail]bool), complain: make(map[string]string),
		files: make(map[string]int), pubs: make(map[string]*sharedTopic), scratch: make([]byte, chunk),
	}
	if f.config.Topic == "" {
		f.config.Topic = p.Topics()[0]
	}
	if err := f.load(); err != nil {
		return nil, err
	}
	for _, path := range c.Paths {
		pat, err := newPattern(path)
		if err != nil {
			return nil, plugins.BadConfig("paths", "%w", err)
		}
		pat.fresh = !slices.Contains(f.saved.Patterns, pat.path)
		f.patterns = append(f.patterns, pat)
	}
	for path := range f.saved.Files {
		if !slices.ContainsFunc(f.patterns, func(p pattern) bool { return p.match(path) }) {
			f.unsave(path)
		}
	}
	return f, nil
}

// deafPause is how often everything is looked at while there are no events.
const deafPause = time.Second

// newWatcher may fail: each user has but so many, and every process on a bus takes one.
var newWatcher = fsnotify.NewWatcher

// connect sees to it that there are events. Without them everything is looked at often, and they are asked for again.
func (f *follower) connect() {
	if f.watch != nil {
		return
	}
	w, err := newWatcher()
	if err != nil {
		if !f.deaf {
			f.log.Warn("files are looked at each second, because the kernel gives no events; on Linux sysctl fs.inotify.max_user_instances says how many a user may have", "error", err)
		}
		f.deaf = true
		return
	}
	f.watch, f.events, f.overflow, f.deaf = w, w.Events, w.Errors, false
}

// pause is for how long not to look at everything.
func (f *follower) pause() time.Duration {
	if f.deaf {
		return min(f.every, deafPause)
	}
	return f.every
}

// checkPattern says what is wrong with an entry of Config.Paths, wherever it may be followed.
func checkPattern(path string) error {
	if path == "" {
		return errors.New("an empty path")
	}
	if _, err := filepath.Match(path, ""); err != nil {
		return fmt.Errorf("%.200q: %w", path, err)
	}
	return nil
}

// newPattern is a pattern as it is meant in the working directory, whose own name is none.
func newPattern(path string) (pattern, error) {
	if err := checkPattern(path); err != nil {
		return pattern{}, err
	}
	here, err := filepath.Abs("")
	if err != nil {
		return pattern{}, err
	}
	p := pattern{path: filepath.Join(asIs.Replace(here), path)}
	if filepath.IsAbs(path) {
		p.path = filepath.Clean(path)
	}
	for dir := filepath.Dir(p.path); ; dir = filepath.Dir(dir) {
		if name, ok := literal(dir, here); ok {
			p.root = name
			return p, nil
		}
		p.dirs = append(p.dirs, dir)
	}
}

// special is the bytes that mean something in a pattern. A backslash does not where it stands between directories.
func special() string {
	if filepath.Separator == '\\' {
		return "*?["
	}
	return `*?[\`
}

// asIs makes a pattern of a name, which matches only that.
var asIs = func() *strings.Replacer {
	var pairs []string
	for c := range strings.SplitSeq(special(), "") {
		in := "[" + c + "]"
		if c == `\` {
			in = `\\`
		}
		pairs = append(pairs, c, in)
	}
	return strings.NewReplacer(pairs...)
}()

// literal is the one directory that a pattern of directories means, if it is no more than a name, or leads to here.
func literal(dir, here string) (string, bool) {
	if !strings.ContainsAny(dir, special()) {
		return dir, true
	}
	for at := here; at != filepath.Dir(at); at = filepath.Dir(at) {
		if asIs.Replace(at) == dir {
			return at, true
		}
	}
	return "", false
}

// match says whether a path is one that the pattern means.
func (p pattern) match(path string) bool {
	ok, err := filepath.Match(p.path, path)
	return ok && err == nil
}

// leads says whether files that the pattern means may be in or below a directory.
func (p pattern) leads(dir string) bool {
	return dir == p.root || slices.ContainsFunc(p.dirs, func(d string) bool { ok, _ := filepath.Match(d, dir); return ok })
}

// event answers one event of a watched directory.
func (f *follower) event(e fsnotify.Event) {
	if f.wake(e.Name) {
		return
	}
	for t := range f.moved { // this may be one of its files
		f.busy[t] = true
	}
	if !e.Has(fsnotify.Create) {
		return
	}
	for _, p := range f.patterns {
		if p.match(e.Name) {
			f.follow(e.Name, false)
			return
		}
		if p.leads(e.Name) { // there may be files already
			f.scanPattern(p)
		}
	}
}

// wake has all paths looked at that lead to the file of a path: itself, and symbolic links to it. It says whether there are any.
func (f *follower) wake(path string) (any bool) {
	file := path
	if t := f.tails[path]; t != nil {
		f.busy[t] = true
		file = cmp.Or(t.target, path)
	}
	if t := f.tails[file]; t != nil {
		f.busy[t] = true
	}
	for t := range f.targets[file] {
		f.busy[t] = true
	}
	return f.tails[path] != nil || len(f.targets[path]) > 0
}

// scan looks for files and directories, and has all files looked at.
func (f *follower) scan() error {
	f.connect()
	f.scans++
	maps.DeleteFunc(f.complain, func(path, _ string) bool { // what is gone is no trouble any more, but for a directory that has to be there
		_, err := os.Lstat(path)
		needed := slices.ContainsFunc(f.patterns, func(p pattern) bool { return p.root == path })
		return errors.Is(err, os.ErrNotExist) && !needed && path != f.config.State
	})
	for i := range f.patterns {
		for path := range f.saved.Files { // also one at which there is nothing now
			if f.patterns[i].match(path) {
				f.follow(path, false)
			}
		}
		f.scanPattern(f.patterns[i])
		f.patterns[i].fresh = false
	}
	for _, t := range f.tails {
		f.busy[t] = true
		if t.target != "" {
			f.watchDir(filepath.Dir(t.target))
		}
		if err := f.forget(t); err != nil {
			return err
		}
	}
	f.tell()
	return nil
}

func (f *follower) scanPattern(p pattern) {
	// Each is watched before it is looked at, and the outer ones first, so that what comes meanwhile is seen by one or the other.
	if _, err := os.Lstat(p.root); err != nil {
		f.say(p.root, "the directory does not exist")
	} else {
		f.watchDir(p.root)
	}
	for _, dir := range slices.Backward(p.dirs) {
		found, _ := filepath.Glob(dir) // the only error is that of a bad pattern, and it was checked
		for _, d := range found {
			f.watchDir(d)
		}
	}
	found, _ := filepath.Glob(p.path)
	for _, path := range found {
		f.follow(path, p.fresh)
	}
}

// watchDir watches a directory. Doing so again is no error, and needed when it was removed and made again.
func (f *follower) watchDir(dir string) {
	if info, err := os.Stat(dir); f.watch == nil || err != nil || !info.IsDir() {
		return
	}
	if err := f.watch.Add(dir); err != nil {
		f.say(dir, fmt.Sprintf("it is looked at every %v only: %v; on Linux sysctl fs.inotify.max_user_watches says how many may be watched", f.every, err))
		return
	}
	f.say(dir, "")
}

// follow begins to follow a path. there: its file was there before we came.
func (f *follower) follow(path string, there bool) {
	if f.tails[path] != nil {
		return
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		f.say(path, "it is no regular file")
		return
	}
	topic, err := topicOf(f.config.Topic, path)
	if err != nil {
		f.say(path, err.Error())
		return
	}
	pub, err := f.publisher(topic)
	if err != nil {
		f.say(path, err.Error())
		return
	}
	t := &tail{f: f, path: path, pub: pub, skip: there && f.config.From == "end"}
	f.tails[path] = t
	f.busy[t] = true
}

// aim has the directory watched that a symbolic link leads to: events are those of the file's own directory.
func (f *follower) aim(t *tail) {
	real, err := filepath.EvalSymlinks(t.path)
	if err != nil || real == t.target || real == t.path && t.target == "" {
		return
	}
	f.unaim(t)
	if real == t.path { // it is none any more
		return
	}
	t.target = real
	if f.targets[real] == nil {
		f.targets[real] = make(map[*tail]bool)
	}
	f.targets[real][t] = true
	f.watchDir(filepath.Dir(real))
}

// unaim forgets where a path leads to.
func (f *follower) unaim(t *tail) {
	delete(f.targets[t.target], t)
	if len(f.targets[t.target]) == 0 {
		delete(f.targets, t.target)
	}
	t.target = ""
}

// forget ends following a path at which there has been nothing at two scans, and whose file is deleted. Files that it had before have their time.
func (f *follower) forget(t *tail) error {
	if _, err := os.Stat(t.path); !errors.Is(err, os.ErrNotExist) {
		t.missing = false
		return nil
	}
	if !t.missing {
		t.missing = true
		return nil
	}
	if t.in != nil {
		if info, err := t.in.file.Stat(); err == nil && !deleted(info) {
			return nil
		}
	}
	if t.behind || len(t.old) > 0 { // its readers are slow, or others may wait for a file
		return nil
	}
	if more, err := t.finish(); more || err != nil {
		return err
	}
	delete(f.tails, t.path)
	delete(f.busy, t)
	delete(f.moved, t)
	f.unaim(t)
	f.unsaved = true
	f.say(t.path, "")
	return t.close()
}
