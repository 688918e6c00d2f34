package plugins

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"shmbus/bus"
)

// A Plugin is what a plugin has of busd. Its methods may be called concurrently.
type Plugin struct {
	Name string       // of its manifest
	Bus  *bus.Bus     // closed when the Func has returned
	Log  hclog.Logger // JSON lines on standard error, which are the plugin's log

	watchdog watchdog
}

// Topics are the topics that the manifest has for the plugin, in its order. They exist, in the shape that the manifest gives them.
func (p *Plugin) Topics() []string {
	return strings.FieldsFunc(os.Getenv(EnvTopics), func(r rune) bool { return r == '\n' })
}

// Publisher opens a publisher on a topic; "" is the first of the manifest's, so that its name need not be in the plugin. A topic of the manifest's that
// somebody has removed meanwhile is made again in the shape that it has there. The publisher is for one goroutine at a time. Errors are those of
// bus.Publisher, and that there is no topic in the manifest.
func (p *Plugin) Publisher(topic string, opts ...bus.PublisherOption) (*bus.Publisher, error) {
	if topic == "" {
		all := p.Topics()
		if len(all) == 0 {
			return nil, errors.New("no topic to publish on: add [[topics]] with a name to the manifest")
		}
		topic = all[0]
	}
	shape, err := manifestShape(topic)
	if err != nil {
		return nil, err
	}
	return p.Bus.Publisher(topic, append(shape, opts...)...)
}

// Outlet is Publisher for those who go on when the topic is removed while they publish.
func (p *Plugin) Outlet(topic string, opts ...bus.PublisherOption) (*Outlet, error) {
	return NewOutlet(func() (*bus.Publisher, error) { return p.Publisher(topic, opts...) })
}

// manifestShape is the shape that the manifest gives a topic, if it has it.
func manifestShape(topic string) ([]bus.PublisherOption, error) {
	text := os.Getenv(EnvShapes)
	if text == "" {
		return nil, nil
	}
	var all []Topic
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return nil, fmt.Errorf("the topics, in %s: %w", EnvShapes, err)
	}
	return ShapeOf(all, topic)
}

// ShapeOf is the option that makes a topic in the shape that a list has for it; none if it is not there.
func ShapeOf(all []Topic, topic string) ([]bus.PublisherOption, error) {
	for _, t := range all {
		if t.Name == topic {
			shape, err := t.Options()
			return []bus.PublisherOption{bus.WithTopic(shape)}, err
		}
	}
	return nil, nil
}

// Ready says that the plugin works: what it needs is there, and frames come. A manifest with notify = true waits for it.
func (p *Plugin) Ready() { p.tell("READY=1") }

// Status says in a few words, for people, what the plugin is about; 'busd plugins list' shows it. It replaces the last one.
func (p *Plugin) Status(text string) {
	p.tell("STATUS=" + strings.Join(strings.Fields(text), " "))
}

// Alive says that the plugin is alive, for a manifest with watchdog. It costs next to nothing and tells only as often as need be, so call
// it wherever work is done, in the loop that must not hang. Nothing here says so by a timer of its own, and nothing should: a timer goes on
// while the loop hangs, and that is what a watchdog is to find.
func (p *Plugin) Alive() {
	if p.watchdog.due(time.Now()) {
		p.tell("WATCHDOG=1")
	}
}

// AliveEvery is how often Alive has to be called, for those who wait for long: half of the manifest's watchdog time. Without a watchdog it
// is an hour, so that a ticker can be made of it.
func (p *Plugin) AliveEvery() time.Duration {
	if p.watchdog.within == 0 {
		return time.Hour
	}
	return max(p.watchdog.within/2, time.Millisecond)
}

// tell is Notify. That nobody listens is no reason to stop publishing.
func (p *Plugin) tell(state string) {
	if err := Notify(state); err != nil {
		p.Log.Warn("busd cannot be told", "state", state, "error", err)
	}
}

// A watchdog knows when one has to say that one is alive.
type watchdog struct {
	within time.Duration
	start  time.Time
	next   atomic.Int64 // when it has to be said again, in nanoseconds since start
}

func (w *watchdog) set(usec string) {
	if n, err := strconv.ParseInt(usec, 10, 64); err == nil && n > 0 && n < math.MaxInt64/int64(time.Microsecond) {
		w.within, w.start = time.Duration(n)*time.Microsecond, time.Now()
	}
}

// due says whether it has to be said now; that is four times as often as is asked for.
func (w *watchdog) due(now time.Time) bool {
	if w.within == 0 {
		return false
	}
	since, next := int64(now.Sub(w.start)), w.next.Load()
	return since >= next && w.next.CompareAndSwap(next, since+int64(w.within/4))
}
