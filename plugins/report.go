package plugins

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"shmbus/bus"
)

// Topics on which busd and the runners tell about the bus. Their frames are msgpack.
const (
	TopicEvents = "$bus/events" // Event
	TopicStats  = "$bus/stats"  // each second: of each topic, each plugin, and the bus
	TopicLogs   = "$bus/log/"   // and a plugin's name, or busd: LogEntry
)

// An Event is something that has happened to a plugin or to busd.
type Event struct {
	Time   time.Time `msgpack:"time" json:"time"`
	Event  string    `msgpack:"event" json:"event"`                       // one word: started, ready, exited, ...; docs/PLUGINS.md has all
	Plugin string    `msgpack:"plugin,omitempty" json:"plugin,omitempty"` // "": busd itself
	PID    int       `msgpack:"pid,omitempty" json:"pid,omitempty"`
	Detail string    `msgpack:"detail,omitempty" json:"detail,omitempty"` // for people
}

// A LogEntry is one entry of a log.
type LogEntry struct {
	Time   time.Time      `msgpack:"time" json:"time"`
	Level  string         `msgpack:"level" json:"level"` // trace, debug, info, warn, error
	Name   string         `msgpack:"name" json:"name"`   // of the logger: the plugin, and what part of it
	Msg    string         `msgpack:"msg" json:"msg"`
	Fields map[string]any `msgpack:"fields,omitempty" json:"fields,omitempty"`
}

// A Reporter publishes on busd's topics. It is safe for concurrent use, and never waits for readers.
type Reporter struct {
	bus  *bus.Bus
	mu   sync.Mutex
	pubs map[string]*Outlet
}

// NewReporter is a Reporter on a bus that was opened with bus.WithReserved.
func NewReporter(b *bus.Bus) *Reporter {
	return &Reporter{bus: b, pubs: make(map[string]*Outlet)}
}

// shape is the shape of one of busd's topics. On TopicStats a thousand frames come at once, each second.
func shape(topic string) bus.TopicOptions {
	o := bus.TopicOptions{Slots: 1024, CellSize: 256}
	if topic == TopicStats {
		o.Slots = 8192
	}
	return o
}

// Publish publishes v on one of busd's topics, as msgpack.
func (r *Reporter) Publish(topic string, v any) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := r.pubs[topic]
	if o == nil {
		var err error
		o, err = NewOutlet(func() (*bus.Publisher, error) { return r.bus.Publisher(topic, bus.WithTopic(shape(topic))) })
		if err != nil {
			return err
		}
		r.pubs[topic] = o
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second) // another's open claim may be in the way
	defer cancel()
	return o.Encode(ctx, v)
}

// Event publishes an event. A zero time is now.
func (r *Reporter) Event(e Event) error {
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	return r.Publish(TopicEvents, e)
}

// Close closes the publishers, not the bus.
func (r *Reporter) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for topic, p := range r.pubs {
		p.Close()
		delete(r.pubs, topic)
	}
	return nil
}

// LogSink publishes what a logger is told on the log topic of name. Use it with hclog.NewInterceptLogger, and not for the logger of the bus
// itself (bus.WithLogger): that one is used while the bus is locked, and publishing would wait for it for ever.
func (r *Reporter) LogSink(name string) hclog.SinkAdapter { return &logSink{r, TopicLogs + name} }

type logSink struct {
	r     *Reporter
	topic string
}

// Accept publishes one entry. An entry that cannot be published is in the log file all the same.
func (s *logSink) Accept(name string, level hclog.Level, msg string, args ...any) {
	e := LogEntry{Time: time.Now(), Level: level.String(), Name: name, Msg: msg}
	if len(args) > 0 {
		e.Fields = make(map[string]any)
	}
	for pair := range slices.Chunk(args, 2) {
		if len(pair) == 1 {
			e.Fields[hclog.MissingKey] = field(pair[0])
			break
		}
		e.Fields[fmt.Sprint(pair[0])] = field(pair[1])
	}
	_ = s.r.Publish(s.topic, e)
}

// field is a value as msgpack and JSON both have it.
func field(v any) any {
	switch v := v.(type) {
	case nil, bool, string, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64, float32, float64:
		return v
	case map[string]any:
		v = maps.Clone(v)
		for k, x := range v {
			v[k] = field(x)
		}
		return v
	case []any:
		v = slices.Clone(v)
		for i, x := range v {
			v[i] = field(x)
		}
		return v
	case error:
		return v.Error()
	}
	return fmt.Sprint(v)
}
