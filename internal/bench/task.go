//go:build linux

package bench

import (
	"fmt"
	"maps"
	"os"
	"time"
)

// A Task is a job that a crew can do as often as it is asked to, with its topics.
type Task struct {
	crew   *Crew
	job    Job
	halves halves
	topic  string
	made   bool // the topics are
	who    []*member
}

// Task is a job for the crew.
func (c *Crew) Task(job Job) (*Task, error) {
	h, ok := halvesOf(job.Name)
	if !ok {
		return nil, fmt.Errorf("there is no job %q", job.Name)
	}
	t := &Task{crew: c, job: job, halves: h, who: c.people}
	if !h.others {
		t.who = []*member{c.people[0], c.people[c.spec.Publishers]}
	}
	if job.Topic != nil || h.scene {
		c.topics++
		t.topic = fmt.Sprintf("$bench/%d/%d", os.Getpid(), c.topics)
	}
	return t, nil
}

// prepare makes the topics, just before they are used for the first time. On a bus that others have, nothing is left of them even if
// this process is killed: they go with their last participant.
func (t *Task) prepare() error {
	if t.made || t.topic == "" {
		return nil
	}
	t.made = true
	if t.halves.scene {
		return nil
	}
	o := *t.job.Topic
	o.Ephemeral = true
	for _, name := range topicsOf(t.topic)[:int(t.halves.ways)] {
		if err := t.crew.bus.CreateTopic(name, o); err != nil {
			return err
		}
		t.crew.made = append(t.crew.made, name)
	}
	return nil
}

// Close closes what the crew has open on the topics, and removes them; a scene can be run again, and opens them anew.
func (t *Task) Close() error {
	if !t.made {
		return nil
	}
	for _, m := range t.who {
		m.order(order{Leave: true, Topic: t.topic})
	}
	_, err := t.crew.reports(t.who)
	t.crew.remove(topicsOf(t.topic)...)
	t.made = !t.halves.scene
	return err
}

// Run does the job once, with n messages in all.
func (t *Task) Run(n uint64) (Outcome, error) {
	if err := t.prepare(); err != nil {
		return Outcome{}, err
	}
	orders := make([]order, len(t.who))
	for i, m := range t.who {
		o := order{Job: t.job, Topic: t.topic, Subscriber: m.subs, Index: m.index, CPU: m.cpu, N: n}
		if t.topic == "" {
			o.CPU = m.bareOn
		}
		if p := uint64(t.crew.spec.Publishers); t.job.Name == "throughput" && !m.subs {
			o.N = n*uint64(m.index+1)/p - n*uint64(m.index)/p // its share
		}
		orders[i] = o
	}
	if err := t.tell(orders); err != nil {
		return Outcome{}, err
	}
	for i := range orders {
		orders[i].Go = true
	}
	return t.collect(orders, n)
}

// tell gives each its order and waits until all are ready: subscribers have come before the first frame is published.
func (t *Task) tell(orders []order) error {
	for i, m := range t.who {
		m.order(orders[i])
	}
	_, err := t.crew.reports(t.who)
	return err
}

// collect gives the word, subscribers first, and puts what they report together.
func (t *Task) collect(orders []order, n uint64) (out Outcome, err error) {
	for i := len(t.who) - 1; i >= 0; i-- {
		t.who[i].order(orders[i])
	}
	all, err := t.crew.reports(t.who)
	if err != nil {
		return out, err
	}
	var start, end int64
	for i, r := range all {
		if r.Start > 0 && (start == 0 || r.Start < start) {
			start = r.Start
		}
		end = max(end, r.End)
		if t.who[i].subs {
			out.Received += r.Frames
			out.Lost += r.Lost
		} else {
			out.Published += r.Frames
		}
		if r.Hist != nil {
			out.Hist = r.Hist
		}
		if len(r.Figures) > 0 {
			if out.Figures == nil {
				out.Figures = make(Figures)
			}
			maps.Copy(out.Figures, r.Figures)
		}
		if r.Round > 0 {
			out.NS = r.Round / t.halves.ways
		}
	}
	out.Took = time.Duration(max(1, end-start))
	if out.NS == 0 {
		out.NS = float64(out.Took) / float64(n) / t.halves.ways
	}
	return out, nil
}

// enough finds how many messages take so long, roughly, and does the job a few times on the way.
func (t *Task) enough(long time.Duration) (uint64, error) {
	for n := uint64(16); ; n *= 4 {
		o, err := t.Run(n)
		if err != nil {
			return 0, err
		}
		if o.Took >= long/4 {
			return max(1, uint64(float64(n)*float64(long)/float64(o.Took))), nil
		}
	}
}

// Turns runs the jobs in turn, so many times, with n messages each, and gives the nanoseconds a message of each.
func (c *Crew) Turns(turns, n int, list ...Job) ([]Series, error) {
	tasks := make([]*Task, len(list))
	for i, j := range list {
		t, err := c.Task(j)
		if err != nil {
			return nil, err
		}
		tasks[i] = t
	}
	all := make([]Series, len(list))
	for range turns {
		for i, t := range tasks {
			o, err := t.Run(uint64(n))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", t.job.Name, err)
			}
			all[i] = append(all[i], o.NS)
		}
	}
	for _, t := range tasks {
		if err := t.Close(); err != nil {
			return nil, err
		}
	}
	return all, nil
}
