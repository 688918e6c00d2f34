// Package httpin is a plugin that publishes what is posted to it: POST /TOPIC with a frame as the body.
//
// Reading order: httpin.go (config, the server), listen.go (sockets), handler.go (a request), body.go and msgpack.go (its frames), topics.go (publishers).
package httpin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/hashicorp/go-hclog"

	"shmbus/plugins"
	"shmbus/topics"
)

// A Config is the config table.
type Config struct {
	Socket    string           `json:"socket"`     // the path of a Unix socket, relative to the manifest's dir; or else:
	Address   string           `json:"address"`    // a loopback address and port: "127.0.0.1:8080"; every user of the machine may post there
	Mode      string           `json:"mode"`       // who may use the socket, in octal
	Topics    []string         `json:"topics"`     // patterns of topics that may be posted to; none: the manifest's topics
	MaxTopics int              `json:"max-topics"` // how many topics may be made by posting to them
	Max       plugins.Size     `json:"max"`        // the longest frame, in bytes; the topic's ring may allow less
	JSON      string           `json:"json"`       // what becomes of JSON: "raw", or "msgpack"
	Wait      plugins.Duration `json:"wait"`       // how long a request waits for room in a lossless topic
}

// Defaults are what a config table need not say.
var Defaults = Config{Mode: "0600", MaxTopics: 256, Max: 1 << 20, JSON: "raw", Wait: plugins.Duration(100 * time.Millisecond)}

// Run is the plugin.
func Run(ctx context.Context, p *plugins.Plugin) error {
	c := Defaults
	if err := p.Config(&c); err != nil {
		return err
	}
	h, err := newHandler(p, c)
	if err != nil {
		return err
	}
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
	alive := time.NewTicker(p.AliveEvery())
	defer alive.Stop()
	for {
		select {
		case err := <-served:
			return fmt.Errorf("listening on %s: %w", l.Addr(), err)
		case <-alive.C:
			h.topics.check()
			p.Alive()
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

// How long clients may take.
const (
	headerPatience = 10 * time.Second
	bodyPatience   = 30 * time.Second // of one frame; a stream of frames may take its time
	idlePatience   = 2 * time.Minute
	farewell       = 200 * time.Millisecond // to finish a request when the plugin is told to end
)

// newHandler checks what is not about sockets.
func newHandler(p *plugins.Plugin, c Config) (*handler, error) {
	h := &handler{config: c, log: p.Log, topics: &publishers{open: p.Publisher, most: c.MaxTopics, byName: make(map[string]*publisher)}}
	patterns := c.Topics
	if len(patterns) == 0 {
		patterns = p.Topics()
	}
	if len(patterns) == 0 {
		return nil, errors.New(`config: topics: which may be posted to? For instance topics = ["in/**"]`)
	}
	for _, text := range patterns {
		pattern, err := topics.ParsePattern(text)
		if err != nil {
			return nil, fmt.Errorf("config: topics: %w", err)
		}
		h.patterns = append(h.patterns, pattern)
	}
	switch {
	case c.JSON != "raw" && c.JSON != "msgpack":
		return nil, fmt.Errorf("config: json = %.40q: there are raw and msgpack", c.JSON)
	case c.MaxTopics < 1:
		return nil, fmt.Errorf("config: max-topics = %d: at least 1", c.MaxTopics)
	case c.Wait < plugins.Duration(time.Millisecond) || c.Wait > plugins.Duration(time.Minute):
		return nil, fmt.Errorf("config: wait = %v: from 1ms to 1m", time.Duration(c.Wait))
	case c.Max > 1<<30:
		return nil, fmt.Errorf("config: max = %d: at most 1GiB", c.Max)
	}
	return h, nil
}
