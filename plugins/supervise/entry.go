package supervise

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"shmbus/plugins"
)

// An entry is what the supervisor knows of one plugin.
type entry struct {
	name  string
	nook  plugins.Nook
	found *Found // as last seen in the directory; nil: it is not there
	run   *run   // its runner; nil: none
	since time.Time

	ran      bool          // it has had a runner
	leftover bool          // a runner of an earlier busd may be alive
	held     bool          // it was told to stop
	again    bool          // its runner is to end, and to be started anew, once its files are whole
	over     plugins.Phase // Failed or Stopped: so its runner has ended by itself
	hash     string        // of what held and over are about
	deaths   int           // of the runner, in a row
	next     time.Time     // not to be started before
	problem  string        // with the runner, not with the files: that there is none, or that what runs is not replaced
	strange  time.Time     // since when its lock is held by a process that cannot be made out
}

// note takes what a scan has found. A plugin that has changed is tried anew, whatever had become of it.
func (s *Supervisor) note(e *entry, f Found) {
	var was error
	if e.found != nil {
		was = e.found.Problem
	}
	if f.Unsettled { // it is as it was, until it is seen whole
		if e.found != nil {
			f.Spec, f.Problem = e.found.Spec, e.found.Problem
		}
	} else if f.Problem != nil && (was == nil || was.Error() != f.Problem.Error()) {
		s.log.Error("plugin refused", "plugin", e.name, "problem", f.Problem, "running", e.run != nil)
		s.event("refused", e, 0, f.Problem.Error())
		e.since = time.Now()
	}
	if !f.Unsettled && f.Problem != nil && e.run != nil {
		e.again, e.problem = false, "" // what runs is left alone, as if it had been refused before
	}
	if f.Spec != nil && f.Spec.Hash != e.hash {
		e.held, e.over, e.deaths, e.next, e.problem = false, "", 0, time.Time{}, ""
		e.hash = f.Spec.Hash
	}
	e.found = &f
}

func (e *entry) start() {
	e.held, e.over, e.deaths, e.next, e.problem = false, "", 0, time.Time{}, ""
}

func (e *entry) stop() { e.held, e.since = true, time.Now() }

// startable says whether there is something to run, and no reason not to.
func (s *Supervisor) startable(e *entry) bool {
	return !s.stopping && e.found != nil && e.found.Spec != nil && e.found.Problem == nil && !e.found.Unsettled && !e.held && e.over == ""
}

// unwanted says whether a runner that runs is not to. A plugin whose files are being written, or are refused, goes on as it is.
func (s *Supervisor) unwanted(e *entry) bool {
	switch {
	case s.stopping, e.held:
		return true
	case e.found == nil:
		return s.looked
	case e.found.Unsettled, e.found.Problem != nil, e.found.Spec == nil:
		return false
	}
	return e.again || e.found.Spec.Hash != e.run.hash
}

// rests says whether nothing is to be done with a plugin, and nothing is under way.
func (s *Supervisor) rests(e *entry) bool {
	if e.run != nil {
		replaced := (s.unwanted(e) || e.again) && e.problem == "" // and not left running for now
		return e.run.arrived && !replaced && e.run.kill.IsZero()  // one that was told to stop ends, though it may be wanted again
	}
	return !e.leftover && !s.startable(e)
}

// step does what is to be done now, and says when to look again.
func (s *Supervisor) step(now time.Time) time.Time {
	next := s.nextScan
	if s.stopping {
		next = now.Add(watchedGap)
	}
	coming := 0
	for _, e := range s.entries {
		if e.run != nil && !e.run.arrived {
			coming++
		}
	}
	by := func(t time.Time) {
		if t.Before(next) {
			next = t
		}
	}
	for name, e := range s.entries {
		if e.run != nil && !e.run.arrived {
			s.arrive(e, now)
			if !e.run.arrived {
				by(now.Add(arrivalGap))
			}
		}
		switch r := e.run; {
		case r != nil && !r.kill.IsZero():
			if !now.Before(r.kill) {
				s.kill(e, now)
			}
			by(r.kill)
		case r != nil && s.unwanted(e):
			if !s.startable(e) {
				s.tell(e, now)
			} else if !now.Before(e.next) {
				s.replace(e, now)
			}
			if r.kill.IsZero() { // it is not replaced now
				by(e.next)
			} else {
				by(r.kill)
			}
		case r != nil:
		case e.leftover || s.startable(e):
			if coming >= starters() && !e.leftover {
				continue // one that comes up makes room
			}
			if !now.Before(e.next) {
				s.begin(e, now)
				coming++
			}
			if e.run != nil {
				by(now.Add(arrivalGap))
			} else {
				by(e.next)
			}
		case e.found == nil && s.looked && !s.stopping:
			s.forget(e)
			delete(s.entries, name)
		}
	}
	return next
}

// forget removes what would tell of a plugin that is no more. Its log stays.
func (s *Supervisor) forget(e *entry) {
	if e.hash == "" && !e.ran { // a file that was never whole, or never good
		return
	}
	for _, path := range []string{e.nook.Spec(), e.nook.State(), e.nook.Spare()} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.log.Warn("a file of a plugin that was removed stays", "plugin", e.name, "error", err)
		}
	}
	s.log.Info("plugin removed", "plugin", e.name)
	s.event("removed", e, 0, "")
}

// event has an event published, some time soon: publishing may have to wait for others, and nothing here does.
func (s *Supervisor) event(word string, e *entry, pid int, detail string) {
	select {
	case s.tales <- plugins.Event{Time: time.Now(), Event: word, Plugin: e.name, PID: pid, Detail: detail}:
	default:
		s.log.Warn("too many events wait to be published", "event", word, "plugin", e.name)
	}
}

// publish publishes events, until there are no more to come.
func (s *Supervisor) publish() {
	for ev := range s.tales {
		if s.o.Reporter == nil {
			continue
		}
		if err := s.o.Reporter.Event(ev); err != nil {
			s.log.Warn("an event could not be published", "event", ev.Event, "plugin", ev.Plugin, "error", err)
		}
	}
}

// A view is what there is to say of a plugin, without what its runner tells.
type view struct {
	nook    plugins.Nook
	told    bool // its runner's state tells more
	counts  bool // its runner's state tells how much there was, and nothing else that counts
	alive   bool
	over    plugins.Phase
	known   plugins.State
	problem string // why it is not replaced, while it runs on
}

func (e *entry) view() view {
	v := view{nook: e.nook, over: e.over, told: e.over != "", known: plugins.State{Name: e.name, Since: e.since, Problem: e.problem}}
	st := &v.known
	if e.found != nil && e.found.Spec != nil {
		st.Hash, st.Contract = e.found.Spec.Hash, e.found.Spec.Contract
	}
	if r := e.run; r != nil {
		v.told, v.alive = r.arrived, true
		st.Phase, st.Since, st.Hash, st.Runner = plugins.Starting, r.began, r.hash, r.process
		if r.kill.IsZero() {
			v.problem = e.problem
		} else {
			st.Phase, v.over = plugins.Stopping, plugins.Stopping
		}
		if e.found != nil && e.found.Problem != nil {
			v.problem = fmt.Sprintf("what runs is older than its files, which are refused: %v", e.found.Problem)
		}
		return v
	}
	switch {
	case e.found != nil && e.found.Problem != nil:
		st.Phase, st.Problem, v.told = plugins.Refused, e.found.Problem.Error(), false
	case !e.strange.IsZero() && e.problem != "":
		st.Phase = plugins.Refused
	case e.held && e.over != plugins.Failed: // one that was given up stays so, with its reason: there was nothing to be stopped
		st.Phase, st.Problem, v.told, v.counts = plugins.Stopped, "it was told to stop", false, true
	case e.over != "":
		st.Phase = e.over
	case e.deaths > 0:
		st.Phase, st.Next, st.Tries = plugins.Backoff, e.next, e.deaths
	default:
		st.Phase = plugins.Starting
	}
	return v
}

// state adds what the runner tells, which means reading a file.
func (v view) state() plugins.State {
	st := v.known
	if v.told || v.counts {
		var told plugins.State
		err := plugins.ReadJSON(v.nook.State(), &told)
		switch {
		case err != nil || told.Name != st.Name || told.Phase == "" || v.alive && told.Runner.PID != st.Runner.PID:
		case v.counts:
			st.Contract, st.Restarts, st.Frames, st.Bytes, st.Dropped = told.Contract, told.Restarts, told.Frames, told.Bytes, told.Dropped
		default:
			st = told
		}
	}
	if v.over != "" {
		st.Phase = v.over
	}
	if !v.alive {
		st.Runner, st.Plugin = plugins.Process{}, plugins.Process{}
	}
	if v.problem != "" {
		st.Problem = v.problem
	}
	return st
}
