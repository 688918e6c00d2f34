//go:build linux

package bench

import (
	"encoding/json"
	"fmt"

	"shmbus/bus"
)

// A Scene is a job that another package brings along: what its processes do is its own, and they are led like those of all jobs. It is
// called in each process of the crew, and says what that one does.
type Scene func(p Place) (Part, error)

// A Place is where a process stands in a scene.
type Place struct {
	Bus        *bus.Bus
	Topic      string          // the scene's topics have names that begin so
	Subscriber bool            // otherwise a publisher
	Index      int             // which of them, from 0
	Args       json.RawMessage // of the job
}

// A Part is what one process does in a scene, from the first run until the task is closed. All prepare, and when all have, they go.
type Part interface {
	Prepare(n uint64) error
	Go(n uint64) (Figures, error)
	Close()
}

var scenes = make(map[string]Scene)

// AddScene makes a scene a job of that name. It is called before Serve, in all processes alike.
func AddScene(name string, s Scene) {
	if _, ok := halvesOf(name); ok {
		panic(fmt.Sprintf("there are two jobs %q", name)) // a mistake in the program
	}
	scenes[name] = s
}

// SceneJob is the job that plays a scene, with arguments for its parts.
func SceneJob(name string, args any) (Job, error) {
	b, err := json.Marshal(args)
	return Job{Name: name, Args: b}, err
}

func halvesOf(name string) (halves, bool) {
	if h, ok := jobs[name]; ok {
		return h, true
	}
	s, ok := scenes[name]
	return halves{ways: 1, publisher: s.half, subscribe: s.half, others: true, scene: true}, ok
}

// half is a process's part in the scene.
func (sc Scene) half(s *side, o order) (func() (report, error), error) {
	p := s.parts[o.Topic]
	if p == nil {
		var err error
		p, err = sc(Place{Bus: s.bus, Topic: o.Topic, Subscriber: o.Subscriber, Index: o.Index, Args: o.Job.Args})
		if err != nil {
			return nil, err
		}
		s.parts[o.Topic] = p
	}
	if err := p.Prepare(o.N); err != nil {
		return nil, err
	}
	return func() (r report, err error) {
		r.Start = Now()
		r.Figures, err = p.Go(o.N)
		r.End = Now()
		return r, err
	}, nil
}
