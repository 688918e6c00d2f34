package supervise

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"shmbus/internal/unixsock"
	"shmbus/plugins"
)

// A Request is what is asked over the control socket: one line of JSON.
type Request struct {
	Do    string   `json:"do"` // list, restart, stop, start or reload
	Names []string `json:"names,omitempty"`
}

// An Answer is a line of JSON of what is answered: any number of them, the last one with Done. An empty one says that busd is at it.
type Answer struct {
	Plugin *plugins.State `json:"plugin,omitempty"`
	Error  string         `json:"error,omitempty"` // with what was asked, or with one of its names
	Done   bool           `json:"done,omitempty"`
}

const (
	maxRequest = 64 << 10        // bytes
	maxAnswer  = 1 << 20         // bytes
	maxTalks   = 96              // at once; more are turned away
	maxWaits   = 64              // of these, that wait for plugins; the others are quick, so that a list is answered
	askLimit   = 5 * time.Second // to ask, and to take an answer
	waitLimit  = 2 * time.Minute // for a plugin to have started or ended
	lookGap    = 20 * time.Millisecond

	beatEvery    = time.Second   // an empty answer while a plugin starts or ends
	silenceLimit = 4 * beatEvery // who asks gives up when nothing is said for so long
)

// A Control is the control socket.
type Control struct {
	s *Supervisor
	l *unixsock.Listener
}

// Listen opens the control socket. It replaces one that an earlier busd has left: whoever calls it holds the lock of the place.
func (s *Supervisor) Listen() (*Control, error) {
	l, err := unixsock.Listen(s.o.Place.Control())
	if err != nil {
		return nil, err
	}
	return &Control{s, l}, nil
}

// Keep makes the socket anew when somebody has removed it.
func (c *Control) Keep() error { return c.l.Keep() }

// Run answers until ctx is done, and closes the socket. Call it once.
func (c *Control) Run(ctx context.Context) error {
	s, l := c.s, c.l
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	defer l.Close()
	var talks sync.WaitGroup
	defer talks.Wait()
	places := make(chan struct{}, maxTalks)
	for {
		c, err := l.AcceptUnix()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			if errors.Is(err, net.ErrClosed) {
				return err
			}
			s.log.Warn("control socket", "error", err) // out of descriptors, say
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
			continue
		}
		select {
		case places <- struct{}{}:
		default: // say so at once: who waits in vain takes this busd for one that hangs
			_ = say(c, Answer{Error: fmt.Sprintf("busd is asked by %d others at once: ask again", maxTalks), Done: true})
			c.Close()
			continue
		}
		talks.Go(func() {
			defer func() { <-places }()
			defer c.Close()
			s.talk(ctx, c)
		})
	}
}

// say answers something.
func say(c *net.UnixConn, a Answer) error {
	b, err := json.Marshal(a)
	if err != nil {
		return err
	}
	_ = c.SetWriteDeadline(time.Now().Add(askLimit))
	_, err = c.Write(append(b, '\n'))
	return err
}

// talk answers one request.
func (s *Supervisor) talk(ctx context.Context, c *net.UnixConn) {
	say := func(a Answer) error { return say(c, a) }
	defer context.AfterFunc(ctx, func() { c.Close() })()
	uid, pid, err := peer(c)
	if err == nil && uid != 0 && uid != os.Geteuid() {
		err = fmt.Errorf("user %d may not tell this busd anything: it is of user %d", uid, os.Geteuid())
	}
	if err != nil {
		s.log.Warn("control socket: refused", "pid", pid, "error", err)
		_ = say(Answer{Error: err.Error(), Done: true})
		return
	}
	_ = c.SetReadDeadline(time.Now().Add(askLimit))
	var q Request
	line, err := bufio.NewReader(io.LimitReader(c, maxRequest)).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &q)
	}
	if err != nil {
		_ = say(Answer{Error: fmt.Sprintf("what was asked is no line of JSON of up to %d bytes: %v", maxRequest, err), Done: true})
		return
	}
	if err := say(Answer{}); err != nil {
		return // who asked has gone, after it was told that nothing would be done: busd was suspended, perhaps
	}
	if err := s.answer(ctx, q, say); err != nil {
		return // who asked has gone
	}
	_ = say(Answer{Done: true})
}

// answer does what is asked. Its error is that of say.
func (s *Supervisor) answer(ctx context.Context, q Request, say func(Answer) error) error {
	var do func(string) error
	switch q.Do {
	case "list":
		if p := s.Problem(); p != "" {
			if err := say(Answer{Error: p}); err != nil {
				return err
			}
		}
		for _, st := range s.Plugins() {
			if err := say(Answer{Plugin: &st}); err != nil {
				return err
			}
		}
		return nil
	case "reload":
		if err := s.Reload(); err != nil {
			return say(Answer{Error: err.Error()})
		}
		return nil
	case "restart":
		do = s.Restart
	case "start":
		do = s.Start
	case "stop":
		do = s.Stop
	default:
		return say(Answer{Error: fmt.Sprintf("%.40q cannot be done; there are list, restart, start, stop and reload", q.Do)})
	}
	select {
	case s.waits <- struct{}{}:
		defer func() { <-s.waits }()
	default:
		return say(Answer{Error: fmt.Sprintf("%d commands wait for plugins to start or end: ask again when one of them is done", maxWaits)})
	}
	var told []string
	for _, name := range q.Names {
		if err := do(name); err != nil {
			if err := say(Answer{Error: err.Error()}); err != nil {
				return err
			}
			continue
		}
		told = append(told, name)
	}
	ctx, cancel := context.WithTimeout(ctx, waitLimit)
	defer cancel()
	for _, name := range told {
		if err := s.await(ctx, name, func() error { return say(Answer{}) }); err != nil {
			if ctx.Err() == nil {
				return err
			}
			if err := say(Answer{Error: fmt.Sprintf("%s: still under way: %v", name, context.Cause(ctx))}); err != nil {
				return err
			}
			continue
		}
		for _, st := range s.Plugins() {
			if st.Name == name {
				if err := say(Answer{Plugin: &st}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// await waits until nothing is under way with a plugin. Meanwhile it calls beat every beatEvery, and returns its error.
func (s *Supervisor) await(ctx context.Context, name string, beat func() error) error {
	tick, beats := time.NewTicker(lookGap), time.NewTicker(beatEvery)
	defer tick.Stop()
	defer beats.Stop()
	for !s.settled(name) {
		select {
		case <-tick.C:
		case <-beats.C:
			if err := beat(); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
