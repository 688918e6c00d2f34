package exec

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/internal/testproc"
	"shmbus/plugins"
)

// helpers are what the test binary does as another process.
var helpers = map[string]testproc.Helper{
	// runner runs the Spec at its first argument, and tells how that has ended. The second one is a control group to go to.
	"runner": func(p *testproc.Peer) error {
		if group := p.Arg(1); group != "" {
			if err := os.WriteFile(filepath.Join(group, "cgroup.procs"), []byte("0"), 0); err != nil {
				return err
			}
		}
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		context.AfterFunc(ctx, stop) // a second one is the runner's matter
		p.Say("end: %v", Run(ctx, p.Arg(0)))
		return nil
	},
}

func TestMain(m *testing.M) { testproc.Main(m, helpers) }

// A world is a plugin with its bus and its runner.
type world struct {
	*testing.T
	spec   *plugins.Spec
	nook   plugins.Nook
	bus    *bus.Bus
	events *bus.Subscriber
	seen   []plugins.Event
	runner *testproc.Process
	group  string // control group for the runner; "": this process's
}

// newWorld has a plugin with a manifest, which is in dir. It does not run yet.
func newWorld(t *testing.T, manifest string) *world { return newWorldIn(t, t.TempDir(), manifest) }

func newWorldIn(t *testing.T, dir, manifest string) *world {
	t.Helper()
	m, err := plugins.ParseManifest(manifest, dir)
	if err != nil {
		t.Fatal(err)
	}
	at := filepath.Join(testproc.MemoryDir(t), "bus")
	w := &world{T: t, spec: &plugins.Spec{Manifest: *m, Name: "p", Bus: at, Place: plugins.PlaceOf(at), Hash: "hash"}}
	w.nook = w.spec.Place.Plugin("p")
	if err := os.MkdirAll(string(w.nook), 0o700); err != nil {
		t.Fatal(err)
	}
	if w.bus, err = bus.Open(at, bus.WithReserved()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.bus.Close() })
	if err := w.bus.CreateTopic(plugins.TopicEvents, bus.TopicOptions{Slots: 1024, CellSize: 256}); err != nil {
		t.Fatal(err)
	}
	w.events = w.subscribe(plugins.TopicEvents)
	return w
}

// script puts an executable shell script into a folder of its own, which it returns.
func script(t *testing.T, name, text string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// helper is the manifest's lines for a helper of this test as the plugin.
func helper(t *testing.T, name string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("command = [%q]\nenv = { SHMBUS_TEST_HELPER = %q }\n", self, name)
}

// start starts a runner. It is told to stop with the test.
func (w *world) start() {
	w.Helper()
	if err := plugins.WriteJSON(w.nook.Spec(), w.spec); err != nil {
		w.Fatal(err)
	}
	w.startWith(w.nook.Spec())
}

// startWith is start with a Spec that was written.
func (w *world) startWith(spec string) {
	w.Helper()
	w.runner = testproc.Start(w, "runner", spec, w.group)
	w.Cleanup(func() {
		if w.Failed() {
			log, _ := os.ReadFile(w.nook.Log())
			w.Logf("state: %+v\nlog: %.4000s", w.state(), log)
		}
		w.stop()
	})
}

// stop stops the runner, if it runs, and says how it has ended.
func (w *world) stop() string {
	w.Helper()
	if w.runner == nil {
		return ""
	}
	w.runner.Signal(syscall.SIGTERM)
	return w.end()
}

// end waits for the runner's end, and says how that was.
func (w *world) end() string {
	w.Helper()
	how := w.runner.Expect("end: ")
	w.runner.Wait()
	w.runner = nil
	return how
}

// kill kills the runner, as kill -9 does.
func (w *world) kill() {
	w.runner.Kill()
	w.runner = nil
}

// state is what state.json says.
func (w *world) state() (s plugins.State) {
	w.Helper()
	if err := plugins.ReadJSON(w.nook.State(), &s); err != nil && !errors.Is(err, os.ErrNotExist) {
		w.Error(err)
	}
	return s
}

// until waits until the state is so.
func (w *world) until(what string, so func(plugins.State) bool) (s plugins.State) {
	w.Helper()
	eventually(w, what, func() bool { s = w.state(); return so(s) })
	return s
}

func (w *world) phase(p plugins.Phase) plugins.State {
	w.Helper()
	return w.until("phase "+string(p), func(s plugins.State) bool { return s.Phase == p })
}

// event waits for an event, and returns it.
func (w *world) event(name string) plugins.Event {
	w.Helper()
	for {
		f := receive(w, w.events)
		e, err := bus.Decode[plugins.Event](f)
		f.Release()
		if err != nil {
			w.Fatal(err)
		}
		w.seen = append(w.seen, e)
		if e.Event == name {
			return e
		}
	}
}

// told is every event up to now, by name; those at the end have to be these.
func (w *world) told(last ...string) (all []string) {
	w.Helper()
	for {
		f, err := w.events.TryReceive()
		if err != nil {
			w.Fatal(err)
		}
		if f == nil {
			break
		}
		e, err := bus.Decode[plugins.Event](f)
		if err != nil {
			w.Fatal(err)
		}
		w.seen = append(w.seen, e)
		f.Release()
	}
	for _, e := range w.seen {
		all = append(all, e.Event)
	}
	if len(all) < len(last) || !slices.Equal(all[len(all)-len(last):], last) {
		w.Errorf("events %q, want %q at the end", all, last)
	}
	return all
}

func (w *world) subscribe(topic string, opts ...bus.SubscribeOption) *bus.Subscriber {
	w.Helper()
	s, err := w.bus.Subscribe(soon(w), topic, opts...)
	if err != nil {
		w.Fatal(err)
	}
	return s
}

// lossless is a lossless subscription to a topic that is made for it.
func (w *world) lossless(topic string, o bus.TopicOptions) *bus.Subscriber {
	w.Helper()
	o.Policy = bus.PolicyLossless
	if err := w.bus.CreateTopic(topic, o); err != nil {
		w.Fatal(err)
	}
	return w.subscribe(topic, bus.Lossless())
}

// expect receives frames, which have to be these.
func (w *world) expect(s *bus.Subscriber, frames ...string) {
	w.Helper()
	for _, want := range frames {
		f := receive(w, s)
		if got := string(f.Bytes()); got != want {
			w.Fatalf("got %.60q, want %.60q", got, want)
		}
		f.Release()
	}
}

func receive(t testing.TB, s *bus.Subscriber) *bus.Frame {
	t.Helper()
	f, err := s.Receive(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// soon is a context that ends before the test's patience does.
func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// eventually waits for something that nobody tells of.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("still not: %s", what)
		}
		time.Sleep(5 * time.Millisecond) // not synchronisation: it looks again and again
	}
}

// has fails unless text has all the words.
func has(t testing.TB, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%q does not say %q", text, w)
		}
	}
}

// alive says whether a process is there, and no zombie.
func alive(pid int) bool {
	s, err := readStat(pid)
	return err == nil && !s.ended
}
