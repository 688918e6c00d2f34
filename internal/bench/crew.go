//go:build linux

package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"

	"shmbus/bus"
	"shmbus/internal/cpu"
	"shmbus/internal/tempdir"
)

// A Crew is processes of this program, publishers and subscribers, with a bus and a bare mapping in common. It is for one goroutine.
type Crew struct {
	spec   CrewSpec
	dir    *tempdir.Dir
	bus    *bus.Bus
	stop   func() bool // undoes that the crew ends with its context
	topics int         // so many were named
	made   []string    // of these, those that may be there still

	mu     sync.Mutex
	people []*member // publishers, then subscribers
	over   bool      // nobody is hired any more
}

// A member is one process.
type member struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	say    *json.Encoder
	heard  chan report // closed when the process says no more
	subs   bool
	index  int
	cpu    int
	bareOn int
}

// Start starts a crew. The program must call Serve first thing. When ctx is done the crew ends, and whatever it is asked for then
// is ctx's error.
func Start(ctx context.Context, spec CrewSpec) (*Crew, error) {
	dir, err := tempdir.New(tempdir.Memory(), dirPrefix)
	if err != nil {
		return nil, unplaced(err)
	}
	c := &Crew{spec: spec, dir: dir}
	c.stop = context.AfterFunc(ctx, c.kill)
	if err := c.start(); err != nil {
		c.Close()
		return nil, ended(ctx, err)
	}
	return c, nil
}

// ended is ctx's error if ctx is done, or err.
func ended(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// unplaced says of an error of the crew's own files what to do about it.
func unplaced(err error) error {
	help := ""
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		help = ": let this user write there"
	case errors.Is(err, syscall.ENOSPC):
		help = ": remove what nobody needs there, or give the tmpfs more (docker run --shm-size, mount -o remount,size=)"
	}
	return fmt.Errorf("the benchmark's own files, in %s: %w%s", tempdir.Memory(), scarce(err), help)
}

// scarce says of an error what to do if it is for want of descriptors or processes.
func scarce(err error) error {
	switch {
	case errors.Is(err, syscall.EMFILE):
		return fmt.Errorf("%w: have fewer processes, or allow more open files (ulimit -n)", err)
	case errors.Is(err, syscall.EAGAIN):
		return fmt.Errorf("%w: have fewer processes, or allow more of them (ulimit -u)", err)
	}
	return err
}

func (c *Crew) start() (err error) {
	if err := os.WriteFile(filepath.Join(c.dir.Path, "bare"), make([]byte, bareSize), 0o600); err != nil {
		return unplaced(err)
	}
	busDir := c.spec.Bus
	if busDir == "" {
		busDir = filepath.Join(c.dir.Path, "bus")
	}
	if c.bus, err = bus.Open(busDir); err != nil {
		return scarce(err)
	}
	for i := range c.spec.Publishers + c.spec.Subscribers {
		m := &member{index: i, subs: i >= c.spec.Publishers, cpu: -1, bareOn: -1}
		bare := 0
		if m.subs {
			m.index -= c.spec.Publishers
			bare = 1
		}
		if n := len(c.spec.CPUs); n > 0 {
			m.cpu = c.spec.CPUs[i%n]
		}
		if n := len(c.spec.BareCPUs); n > 0 {
			m.bareOn = c.spec.BareCPUs[bare%n]
		}
		if err := c.hire(m); err != nil {
			return fmt.Errorf("starting %s: %w", m, scarce(err))
		}
	}
	for _, m := range c.people {
		m.order(order{Topic: c.bus.Dir()})
	}
	_, err = c.reports(c.people)
	return err
}

// hire starts a process.
func (c *Crew) hire(m *member) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return context.Canceled
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	m.cmd = exec.Command(exe)
	m.cmd.Args[0] = os.Args[0] // a program may be several, by name
	m.cmd.Env = append(os.Environ(), helperEnv+"="+c.dir.Path)
	m.cmd.Stderr = c.spec.Stderr
	if m.in, err = m.cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := m.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.launch(m); err != nil {
		return err
	}
	m.say, m.heard = json.NewEncoder(m.in), make(chan report)
	c.people = append(c.people, m)
	go func() {
		defer close(m.heard)
		for in := json.NewDecoder(out); ; {
			var r report
			if in.Decode(&r) != nil {
				return
			}
			m.heard <- r
		}
	}()
	return nil
}

// launch starts the process on its CPU, if it is to stay there as a whole.
func (c *Crew) launch(m *member) error {
	if c.spec.Whole && m.cpu >= 0 {
		undo, err := cpu.Pin(m.cpu)
		if err != nil {
			return err
		}
		defer undo()
		m.cpu = -1
	}
	return m.cmd.Start()
}

// order tells a process something. If it is not there any more, that is seen when it does not answer.
func (m *member) order(o order) { _ = m.say.Encode(o) }

// Pids are the crew's processes, publishers first.
func (c *Crew) Pids() (all []int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.people {
		all = append(all, m.cmd.Process.Pid)
	}
	return all
}

// kill ends the processes. They have nothing to do in the end: one that is told that its leader has gone ends as abruptly, but not while it
// is stopped.
func (c *Crew) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	for _, m := range c.people {
		_ = m.cmd.Process.Kill()
	}
}

// reports waits for an answer of each. If one fails the others may wait for it in vain: then the crew is good for nothing more.
func (c *Crew) reports(from []*member) ([]report, error) {
	type answer struct {
		i  int
		r  report
		ok bool
	}
	all, answers := make([]report, len(from)), make(chan answer, len(from))
	for i, m := range from {
		go func() {
			r, ok := <-m.heard
			answers <- answer{i, r, ok}
		}()
	}
	for range from {
		a := <-answers
		switch m := from[a.i]; {
		case !a.ok:
			return nil, fmt.Errorf("%s has ended: %w", m, m.why())
		case a.r.Err != "":
			return nil, fmt.Errorf("%s: %s", m, a.r.Err)
		}
		all[a.i] = a.r
	}
	return all, nil
}

func (m *member) String() string {
	what := "publisher"
	if m.subs {
		what = "subscriber"
	}
	return fmt.Sprintf("%s %d of the benchmark", what, m.index+1)
}

// why is the reason for the end of a process that has ended.
func (m *member) why() error {
	m.in.Close()
	if err := m.cmd.Wait(); err != nil {
		return err
	}
	return errors.New("it was told to")
}

// Close ends the processes and removes the files.
func (c *Crew) Close() {
	c.stop()
	c.kill()
	for _, m := range c.people {
		for range m.heard { // what nobody has asked for, until its end
		}
		_ = m.cmd.Wait()
	}
	if c.bus != nil {
		c.remove(slices.Clone(c.made)...)
		c.bus.Close()
	}
	_ = c.dir.Remove()
}

// remove removes topics. They may have gone with their last participant.
func (c *Crew) remove(names ...string) {
	for _, name := range names {
		if i := slices.Index(c.made, name); i >= 0 {
			_ = c.bus.RemoveTopic(name)
			c.made = slices.Delete(c.made, i, i+1)
		}
	}
}
