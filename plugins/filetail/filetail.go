// Package filetail is a plugin that follows files as they grow, as "tail -F" does: each line is a frame.
//
// Reading order: filetail.go (config, the loop), files.go (which files), tail.go (one path), passed.go (files that are renamed), input.go
// (one open file), saved.go and missed.go (going on after a restart), topic.go.
package filetail

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/hashicorp/go-hclog"

	"shmbus/plugins"
)

// A Config is the config table.
type Config struct {
	Paths  []string         `json:"paths"`  // files, or patterns as the shell has them; relative to the manifest's dir
	Topic  string           `json:"topic"`  // may have {name} and {path}; "": the first of the manifest's
	From   string           `json:"from"`   // where to begin in files that are there already: "end" or "start"
	State  string           `json:"state"`  // a file that keeps where it was; "": none
	Rescan plugins.Duration `json:"rescan"` // how often everything is looked at without an event
}

// Defaults are what a config table need not say.
var Defaults = Config{From: "end", Rescan: plugins.Duration(10 * time.Second)}

// Check says what is wrong with the values.
func (c *Config) Check(topics []string) error {
	var all []error
	bad := func(key, format string, args ...any) { all = append(all, plugins.BadConfig(key, format, args...)) }
	if len(c.Paths) == 0 {
		bad("paths", "which files are to be followed?")
	}
	for _, path := range c.Paths {
		if err := checkPattern(path); err != nil {
			bad("paths", "%w", err)
		}
	}
	if c.From != "end" && c.From != "start" {
		bad("from", "%.40q: there are end and start", c.From)
	}
	if rescan := time.Duration(c.Rescan); rescan < shortest {
		bad("rescan", "%v: at least %v", rescan, shortest)
	}
	if c.Topic == "" && len(topics) == 0 {
		bad("topic", "where are the lines to go? Or add [[topics]] with a name to the manifest")
	} else if c.Topic != "" {
		if err := checkTemplate(c.Topic); err != nil {
			bad("topic", "%w", err)
		}
	}
	return errors.Join(all...)
}

// shortest is the shortest Config.Rescan.
const shortest = 10 * time.Millisecond

// saveEvery is how often the state file is written, at most.
const saveEvery = time.Second

// longestTurn is how long one path may wait for room before all else has its turn. It is short beside saveEvery, so that of slow readers no more
// lines come twice after a crash than of quick ones.
const longestTurn = 100 * time.Millisecond

// Run is the plugin.
//
// It is told of changes by the kernel, and looks at all files by itself only every Rescan, because events can be lost and some file systems
// send none. Lines are whole: what has no newline yet waits for it. When a file is replaced by another one of its name, it is read to its
// end first, and looked at until Rescan has passed, because who writes it may go on for a moment.
func Run(ctx context.Context, p *plugins.Plugin) (err error) {
	c := Defaults
	if err := p.Config(&c); err != nil {
		return err
	}
	f, err := newFollower(ctx, p, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	if c.State != "" { // that it cannot be written is told at once
		if err := f.write(); err != nil {
			return plugins.BadConfig("state", "%w", err)
		}
	}
	if err := f.scan(); err != nil {
		return err
	}
	for _, t := range f.tails { // from here on every new line is seen, though readers may take their time for those that are there
		t.open()
	}
	p.Ready()
	return f.loop()
}

// A follower follows all files.
type follower struct {
	ctx    context.Context
	plugin *plugins.Plugin
	log    hclog.Logger
	config Config
	every  time.Duration // Config.Rescan
	turn   time.Duration // how long one path may wait for room

	patterns []pattern
	watch    *fsnotify.Watcher // nil while there is none: deaf
	events   chan fsnotify.Event
	overflow chan error
	deaf     bool
	tails    map[string]*tail          // by path
	targets  map[string]map[*tail]bool // by the path of the file itself, where symbolic links lead to it
	busy     map[*tail]bool            // have to be looked at
	moved    map[*tail]bool            // have files that may grow under other names
	complain map[string]string         // what was last said of a path
	files    map[string]int            // how often each file is open, or in saved, by its ID
	pubs     map[string]*sharedTopic   // by topic
	scratch  []byte                    // what was read last, of any file
	lines    [][]byte                  // its lines
	saved    saved
	unsaved  bool
	scans    int       // how many there were
	wrote    time.Time // when the state file was written last
	status   string
}

// A sharedTopic is a publisher for the files that go to one topic.
type sharedTopic struct {
	*plugins.Outlet
	topic string
	users int
}

// loop looks at files when there is something new, until ctx is done.
func (f *follower) loop() error {
	rescan, alive, save := time.NewTicker(f.pause()), time.NewTicker(f.plugin.AliveEvery()), time.NewTicker(saveEvery)
	defer rescan.Stop()
	defer alive.Stop()
	defer save.Stop()
	ready := make(chan struct{})
	close(ready)
	for {
		if err := f.look(); err != nil {
			return err
		}
		var more chan struct{} // there is more to be read, but events have their turn
		if len(f.busy) > 0 {
			more = ready
		}
		select {
		case <-f.ctx.Done():
			return nil
		case e := <-f.events:
			f.event(e)
			f.moreEvents()
		case err := <-f.overflow: // too many events: some are lost, so look
			f.log.Debug("files are looked at once more", "because", err)
			if err := f.scan(); err != nil {
				return err
			}
		case <-rescan.C:
			if err := f.scan(); err != nil {
				return err
			}
			rescan.Reset(f.pause())
		case <-alive.C:
			f.plugin.Alive()
		case <-save.C:
			f.save()
		case <-more:
		}
	}
}

// mostEvents is how many events are answered before files are looked at.
const mostEvents = 1000

// moreEvents answers those that wait: a look takes its time when readers are slow.
func (f *follower) moreEvents() {
	for range mostEvents {
		select {
		case e := <-f.events:
			f.event(e)
		default:
			return
		}
	}
}

// look looks at the files that have to be looked at, and leaves those of which there is more. Each has a turn, and then the watchdog and the state
// file have theirs.
func (f *follower) look() error {
	for t := range f.busy {
		f.plugin.Alive()
		if time.Since(f.wrote) >= saveEvery {
			f.save()
		}
		delete(f.busy, t)
		more, err := t.look()
		if err != nil {
			return err
		}
		if more {
			defer func() { f.busy[t] = true }()
		}
	}
	return nil
}

// publisher is the publisher of a topic, with a user more.
func (f *follower) publisher(topic string) (*sharedTopic, error) {
	s := f.pubs[topic]
	if s == nil {
		o, err := f.plugin.Outlet(topic)
		if err != nil {
			return nil, err
		}
		s = &sharedTopic{Outlet: o, topic: topic}
		f.pubs[topic] = s
	}
	s.users++
	return s, nil
}

// leave takes a user of a topic away, and closes the publisher with its last one.
func (f *follower) leave(s *sharedTopic) error {
	if s.users--; s.users > 0 {
		return nil
	}
	delete(f.pubs, s.topic)
	return s.Close()
}

// say logs what is wrong with a path, once until it changes; "" is nothing.
func (f *follower) say(path, what string) {
	if what != "" && f.complain[path] != what {
		f.log.Warn("a file cannot be used", "path", path, "because", what)
	}
	if what == "" {
		delete(f.complain, path)
	} else {
		f.complain[path] = what
	}
}

// tell keeps the status right.
func (f *follower) tell() {
	open := 0
	for _, t := range f.tails {
		if t.in != nil {
			open++
		}
	}
	s := fmt.Sprintf("following %d files", open)
	if n := len(f.complain); n > 0 {
		s += fmt.Sprintf("; %d cannot be used, see the log", n)
	}
	if s != f.status {
		f.status = s
		f.plugin.Status(s)
	}
}

func (f *follower) close() error {
	f.save()
	var errs []error
	if f.watch != nil {
		errs = append(errs, f.watch.Close())
	}
	for _, t := range f.tails {
		errs = append(errs, t.close())
	}
	return errors.Join(errs...)
}
