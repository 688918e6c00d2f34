package dash

import (
	"context"
	"crypto/tls"
	"embed"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"shmbus/bus"
	"shmbus/internal/keeper"
	"shmbus/internal/unixsock"
	"shmbus/plugins"
)

// A Dash serves the page and the metrics.
type Dash struct {
	place    plugins.Place
	bus      *bus.Bus
	sampler  *keeper.Sampler
	log      hclog.Logger
	socket   *unixsock.Listener // nil: it listens elsewhere, or is off
	listener net.Listener       // nil: it is off
	limit    *limited           // beneath it
	handler  http.Handler
	hub      *hub
	tails    chan struct{} // a place for each log that is followed
}

// New listens as configured; Run serves. The bus is for the logs of plugins. version is busd's.
func New(c Config, place plugins.Place, b *bus.Bus, s *keeper.Sampler, version string, log hclog.Logger) (*Dash, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	d := &Dash{place: place, bus: b, sampler: s, log: log, hub: newHub(s), tails: make(chan struct{}, mostTails)}
	if c.Off {
		return d, nil
	}
	l, err := c.listen(place)
	if err != nil {
		return nil, err
	}
	d.socket, _ = l.(*unixsock.Listener)
	d.handler = newGuard(c, l.Addr()).wrap(d.routes(version))
	d.limit = limit(l, mostConnections)
	d.listener = d.limit
	if c.Cert != "" {
		pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
		if err != nil {
			l.Close()
			return nil, err
		}
		d.listener = tls.NewListener(d.listener, &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2", "http/1.1"}})
	}
	return d, nil
}

// Addr is where it listens: the path of the Unix socket, or HOST:PORT. "" if it is off.
func (d *Dash) Addr() string {
	if d.listener == nil {
		return ""
	}
	if d.listener.Addr().Network() == unix {
		return d.place.Web()
	}
	return d.listener.Addr().String()
}

// Keep makes the Unix socket anew when somebody has removed it.
func (d *Dash) Keep() error {
	if d.socket == nil {
		return nil
	}
	return d.socket.Keep()
}

//go:embed page
var page embed.FS

func (d *Dash) routes(version string) http.Handler {
	m := http.NewServeMux()
	for path, file := range map[string]string{"/{$}": "page/index.html", "/page.js": "page/page.js", "/page.css": "page/page.css"} {
		m.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, page, file) })
	}
	m.HandleFunc("GET /events", endless(d.events))
	m.HandleFunc("GET /log/{name}", d.logFile)
	m.HandleFunc("GET /tail/{name}", endless(d.tail))
	m.Handle("GET /metrics", promhttp.HandlerFor(newRegistry(d.sampler, version), promhttp.HandlerOpts{
		ErrorLog: promLog{d.log}, MaxRequestsInFlight: 4, ErrorHandling: promhttp.HTTPErrorOnError,
	}))
	return m
}

// endless is an answer that goes on until who asks has enough: of its head alone nobody would know when.
func endless(answer http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			w.Header().Set("Allow", "GET")
			http.Error(w, "this goes on and on", http.StatusMethodNotAllowed)
			return
		}
		answer(w, r)
	}
}

// promLog is a logger for promhttp.
type promLog struct{ hclog.Logger }

// Println logs what went wrong with an answer to Prometheus.
func (l promLog) Println(v ...any) { l.Warn("metrics", "error", fmt.Sprint(v...)) }

// Limits of a connection.
const (
	headTime  = 5 * time.Second // to send a request in
	writeTime = 10 * time.Second
	idleTime  = time.Minute
	mostHead  = 16 << 10 // bytes of headers
)

// Run serves until ctx is done, and returns nil then. If it is off it only waits.
func (d *Dash) Run(ctx context.Context) error {
	if d.listener == nil {
		<-ctx.Done()
		return nil
	}
	d.log.Info("the page and the metrics are served", "at", d.Addr())
	s := &http.Server{
		Handler: d.handler, ReadHeaderTimeout: headTime, ReadTimeout: headTime, WriteTimeout: writeTime, IdleTimeout: idleTime, MaxHeaderBytes: mostHead,
		BaseContext: func(net.Listener) context.Context { return ctx }, ConnState: d.limit.state,
		ErrorLog: d.log.StandardLogger(&hclog.StandardLoggerOptions{ForceLevel: hclog.Debug}), // what those do who ask
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(d.listener) }()
	select {
	case err := <-done:
		return fmt.Errorf("serve the page: %w", err)
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := s.Shutdown(end); err != nil { // those who look have ended with ctx; others are cut off
		_ = s.Close()
	}
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
