// Package httpin is a plugin that publishes what is posted to it: POST /TOPIC with a frame as the body.
//
// Reading order: config.go, httpin.go (the server), listen.go (sockets), handler.go (a request), body.go (its frames), topics.go (publishers).
package httpin

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/hashicorp/go-hclog"

	"shmbus/plugins"
)

// Run is the plugin.
func Run(ctx context.Context, p *plugins.Plugin) error {
	c := Defaults
	if err := p.Config(&c); err != nil {
		return err
	}
	patterns, err := c.patterns(p.Topics())
	if err != nil {
		return err
	}
	h := &handler{config: c, log: p.Log, patterns: patterns, topics: &publishers{open: p.Outlet, declared: p.Topics(), most: c.MaxTopics, byName: make(map[string]*publisher)}}
	l, err := listen(c)
	if err != nil {
		return err
	}
	s := &http.Server{
		Handler: h.checked(l.Addr()), ReadHeaderTimeout: headerPatience, IdleTimeout: idlePatience, MaxHeaderBytes: 16 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog:    p.Log.StandardLogger(&hclog.StandardLoggerOptions{ForceLevel: hclog.Debug}),
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	p.Status("listening on " + l.Addr().String())
	p.Ready()
	alive, glance := time.NewTicker(p.AliveEvery()), time.NewTicker(socketGlance)
	defer alive.Stop()
	defer glance.Stop()
	for {
		select {
		case err := <-served:
			return fmt.Errorf("listening on %s: %w", l.Addr(), err)
		case <-alive.C:
			h.topics.check()
			p.Alive()
		case <-glance.C:
			if err := lost(l); err != nil {
				_ = s.Close()
				return err
			}
		case <-ctx.Done():
			soon, cancel := context.WithTimeout(context.Background(), farewell)
			defer cancel()
			if err := s.Shutdown(soon); err != nil { // somebody is in the middle of a request
				_ = s.Close()
			}
			return nil
		}
	}
}

// socketGlance is how often it is looked whether the socket is still there.
const socketGlance = 2 * time.Second

// How long clients may take.
const (
	headerPatience = 10 * time.Second
	idlePatience   = 2 * time.Minute
	farewell       = 200 * time.Millisecond // to finish a request when the plugin is told to end
)

// bodyPatience is how long the body of one frame may take; a stream of frames may take its time. Tests have less.
var bodyPatience = 30 * time.Second
