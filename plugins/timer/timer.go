// Package timer is a plugin that publishes a frame at equal intervals.
package timer

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"shmbus/bus"
	"shmbus/plugins"
)

// A Config is the config table.
type Config struct {
	Every  plugins.Duration `json:"every"`  // from one tick to the next, at least 100us
	Topic  string           `json:"topic"`  // "": the first of the manifest's
	Format string           `json:"format"` // "msgpack", or "text": the number and the time, RFC 3339
}

// Defaults are what a config table need not say.
var Defaults = Config{Every: plugins.Duration(time.Second), Format: "msgpack"}

// Check says what is wrong with the values.
func (c *Config) Check(topics []string) error {
	var all []error
	if every := time.Duration(c.Every); every < shortest {
		all = append(all, plugins.BadConfig("every", "%v: at least %v", every, shortest))
	}
	if c.Format != "msgpack" && c.Format != "text" {
		all = append(all, plugins.BadConfig("format", "%.40q: there are msgpack and text", c.Format))
	}
	switch {
	case c.Topic == "" && len(topics) == 0:
		all = append(all, plugins.BadConfig("topic", "where are the ticks to go? Or add [[topics]] with a name to the manifest"))
	case c.Topic != "":
		if err := plugins.CheckTopic(c.Topic); err != nil {
			all = append(all, plugins.BadConfig("topic", "%w", err))
		}
	}
	return errors.Join(all...)
}

// A Tick is a frame.
type Tick struct {
	N    uint64    `msgpack:"n"`    // counts intervals, so that a tick that was left out is seen here; the first is 0
	Time time.Time `msgpack:"time"` // when it was due
}

// shortest is the shortest interval: below it a timer of the operating system is no use.
const shortest = 100 * time.Microsecond

// Run is the plugin. Ticks are due at the start and at whole intervals after it, however late one was. Ticks that have passed while the
// one before was published are left out and counted in the status.
func Run(ctx context.Context, p *plugins.Plugin) error {
	c := Defaults
	if err := p.Config(&c); err != nil {
		return err
	}
	every := time.Duration(c.Every)
	send := func(o *plugins.Outlet, t Tick) error {
		return o.Do(ctx, func(pub *bus.Publisher) error { return bus.Send(ctx, pub, t) })
	}
	if c.Format == "text" {
		var line []byte
		send = func(o *plugins.Outlet, t Tick) error {
			line = append(strconv.AppendUint(line[:0], t.N, 10), ' ')
			line = t.Time.AppendFormat(line, time.RFC3339Nano)
			return o.Publish(ctx, line)
		}
	}
	out, err := p.Outlet(c.Topic)
	if err != nil {
		return err
	}
	p.Ready()

	start := time.Now()
	var missed, told uint64
	var said time.Time // when the status was told
	timer := time.NewTimer(0)
	defer timer.Stop()
	alive := time.NewTicker(p.AliveEvery())
	defer alive.Stop()
	for n := uint64(0); ; n++ {
		// The number of the newest tick that is due: it is n unless time has run away.
		if late := uint64(max(time.Since(start), 0) / every); late > n {
			missed += late - n
			n = late
		}
		due := time.Duration(n) * every
		timer.Reset(due - time.Since(start))
		for waiting := true; waiting; {
			select {
			case <-timer.C:
				waiting = false
			case <-alive.C:
				p.Alive()
			case <-ctx.Done():
				return nil
			}
		}
		now := time.Now() // the clock may have been set since the start
		if err := send(out, Tick{n, now.Add(due - now.Sub(start)).Round(0)}); err != nil {
			return err
		}
		if missed > told && time.Since(said) > time.Second {
			p.Status(fmt.Sprintf("%d ticks missed", missed))
			told, said = missed, time.Now()
		}
	}
}
