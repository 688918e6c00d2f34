package httpin

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"shmbus/bus"
	"shmbus/plugins"
	"shmbus/segment"
	"shmbus/topics"
)

// A handler answers requests.
type handler struct {
	config   Config
	log      hclog.Logger
	patterns []topics.Pattern
	topics   *publishers
}

// A refusal is an answer that is no success.
type refusal struct {
	code int
	text string
}

func (r refusal) Error() string { return r.text }

func refuse(code int, format string, args ...any) error {
	return refusal{code, fmt.Sprintf(format, args...)}
}

// checked is h for requests that may come from here. A page in a browser can reach a loopback address, by a name of its own that leads
// there or by its number: the first shows in Host, the second in Origin.
func (h *handler) checked(at net.Addr) http.Handler {
	local := []string{"localhost", "127.0.0.1", "::1"}
	tcp, isTCP := at.(*net.TCPAddr)
	if isTCP {
		local = append(local, tcp.IP.String())
	}
	origin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = strings.Trim(r.Host, "[]")
		}
		switch {
		case isTCP && !slices.Contains(local, strings.ToLower(host)):
			answer(w, refuse(http.StatusForbidden, "Host is %.80q, and this is localhost", r.Host))
		case origin.Check(r) != nil:
			answer(w, refuse(http.StatusForbidden, "pages of other origins may not post here"))
		default:
			h.ServeHTTP(w, r)
		}
	})
}

// ServeHTTP publishes a request's frames.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	err := h.serve(w, r)
	var no refusal
	if err != nil && !errors.As(err, &no) && r.Context().Err() == nil {
		h.log.Error("a frame was not published", "path", r.URL.Path, "error", err)
	}
	answer(w, err)
}

// stopped is the error of a request, or that there was no time for it, because the plugin was told to end.
func stopped(r *http.Request, err error) error {
	if err != nil && r.Context().Err() != nil {
		return refuse(http.StatusServiceUnavailable, "the plugin has been told to end")
	}
	return err
}

// answer sends what became of a request.
func answer(w http.ResponseWriter, err error) {
	if err == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	no := refusal{code: http.StatusInternalServerError}
	errors.As(err, &no)
	switch no.code {
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "1")
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodPost)
	}
	http.Error(w, err.Error(), no.code)
}

func (h *handler) serve(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		return refuse(http.StatusMethodNotAllowed, "POST a frame to /TOPIC")
	}
	topic := strings.TrimPrefix(r.URL.Path, "/")
	if err := h.allowed(topic); err != nil {
		return err
	}
	if !r.ProtoAtLeast(1, 1) && r.Header.Get("Content-Length") == "" { // there may be a body, but nothing says where it ends
		return refuse(http.StatusLengthRequired, "HTTP/1.0 needs a Content-Length")
	}
	kind := r.Header.Get("Content-Type")
	if kind != "" {
		var err error
		if kind, _, err = mime.ParseMediaType(kind); err != nil {
			return refuse(http.StatusBadRequest, "Content-Type: %v", err)
		}
	}
	connection := http.NewResponseController(w)
	if kind == "application/x-ndjson" {
		defer untilStopped(r, connection)()
		return h.stream(w, r, topic)
	}
	// The body is read first and then copied into the ring: a client that is slow must not have an open frame there, for which all readers
	// would wait.
	_ = connection.SetReadDeadline(time.Now().Add(bodyPatience))
	done := untilStopped(r, connection)
	body, err := h.body(w, r)
	done()
	if err != nil {
		return stopped(r, err)
	}
	_ = connection.SetReadDeadline(time.Time{}) // the server reads on to see whether the client goes away, and would take a deadline for that
	f, err := h.frame(kind, body)
	if err != nil {
		return err
	}
	return stopped(r, h.publish(r, topic, f))
}

// untilStopped ends the reading of a request's body when the plugin is told to end, so that there is an answer. What it returns is to be
// called when the body is not read any more.
func untilStopped(r *http.Request, connection *http.ResponseController) (done func() bool) {
	return context.AfterFunc(r.Context(), func() { _ = connection.SetReadDeadline(time.Now()) })
}

// allowed says whether a topic may be posted to.
func (h *handler) allowed(topic string) error {
	if err := topics.CheckName(topic); err != nil {
		return refuse(http.StatusBadRequest, "%v", err)
	}
	if plugins.Reserved(topic) {
		return refuse(http.StatusForbidden, "%q is busd's", topic)
	}
	if !slices.ContainsFunc(h.patterns, func(p topics.Pattern) bool { return p.Match(topic) }) {
		return refuse(http.StatusForbidden, "%q is none of the topics that may be posted to", topic)
	}
	return nil
}

// publish publishes a frame, and says in HTTP's words what is wrong.
func (h *handler) publish(r *http.Request, topic string, f frame) error {
	ctx, cancel := context.WithTimeout(r.Context(), time.Duration(h.config.Wait))
	defer cancel()
	err := h.topics.publish(ctx, topic, f)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return refuse(http.StatusServiceUnavailable, "there is no room: %v", err)
	case errors.Is(err, segment.ErrLockHeld), errors.Is(err, segment.ErrTableHeld):
		return refuse(http.StatusServiceUnavailable, "the topic cannot be made now: %v", err)
	case errors.Is(err, bus.ErrFrameTooLarge):
		return refuse(http.StatusRequestEntityTooLarge, "%v", err)
	case errors.Is(err, bus.ErrNested):
		return refuse(http.StatusBadRequest, "%v", err)
	case errors.Is(err, errTooMany):
		return refuse(http.StatusForbidden, "%v", err)
	}
	return err
}

// published is the header that says how many frames of a stream were.
const published = "Shmbus-Published"

// stream publishes each line of the body as it comes.
func (h *handler) stream(w http.ResponseWriter, r *http.Request, topic string) error {
	n := 0
	err := h.lines(r.Body, func(line []byte) error {
		f, err := h.frame("application/json", line)
		if err == nil {
			err = h.publish(r, topic, f)
		}
		if err == nil {
			n++
		}
		return err
	})
	w.Header().Set(published, strconv.Itoa(n))
	var no refusal
	if errors.As(stopped(r, err), &no) {
		return refuse(no.code, "%s; %d frames were published before", no.text, n)
	}
	return err
}
