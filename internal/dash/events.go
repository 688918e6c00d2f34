package dash

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"sync"
	"time"

	"shmbus/internal/keeper"
	"shmbus/plugins"
)

const (
	second      = time.Second
	mostViewers = 32  // pages that are open at once
	mostTails   = 32  // logs that are followed at once
	mostText    = 500 // bytes of a plugin's status, and of its problem
)

// A hub makes the page's numbers once a second as long as somebody looks, however many they are.
type hub struct {
	sampler *keeper.Sampler

	mu      sync.Mutex
	viewers map[chan []byte]bool
	running bool
	was     *keeper.Sample
	last    []byte
}

func newHub(s *keeper.Sampler) *hub { return &hub{sampler: s, viewers: make(map[chan []byte]bool)} }

// join gives a channel on which the numbers come; it holds the newest ones only. nil: too many look.
func (h *hub) join() chan []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.viewers) >= mostViewers {
		return nil
	}
	c := make(chan []byte, 1)
	h.viewers[c] = true
	if h.last != nil {
		c <- h.last
	}
	if !h.running {
		h.running = true
		go h.run()
	}
	return c
}

func (h *hub) leave(c chan []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.viewers, c)
}

// run ends when nobody looks any more.
func (h *hub) run() {
	tick := time.NewTicker(second)
	defer tick.Stop()
	for ; h.once(); <-tick.C {
	}
}

func (h *hub) once() bool {
	now := h.sampler.Sample(second * 9 / 10) // busd's own of this second will do
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.viewers) == 0 {
		h.running, h.was, h.last = false, nil, nil
		return false
	}
	if now == h.was {
		return true
	}
	h.last, h.was = message(now, h.was), now
	for c := range h.viewers {
		select {
		case <-c: // it was too slow for that
		default:
		}
		c <- h.last
	}
	return true
}

// The numbers of the page, as page.js reads them. A rate that is not known yet is null.
type pageData struct {
	Bus     pageBus      `json:"bus"`
	Topics  [][]any      `json:"topics"` // name, frames/s, bytes/s, frames, publishers, subscribers, lag, slots, lost, lost/s
	Plugins []pagePlugin `json:"plugins"`
}

type pageBus struct {
	Dir          string   `json:"dir"`
	Participants int      `json:"participants"`
	Memory       int64    `json:"memory"`
	CPU          *float64 `json:"cpu"`
	RSS          int64    `json:"rss"`
	Trouble      string   `json:"trouble"`
}

type pagePlugin struct {
	Name     string        `json:"name"`
	Phase    plugins.Phase `json:"phase"`
	PID      int           `json:"pid"`
	Restarts int           `json:"restarts"`
	Rate     *float64      `json:"rate"`
	CPU      *float64      `json:"cpu"`
	RSS      int64         `json:"rss"`
	Status   string        `json:"status"`
	Problem  string        `json:"problem"`
}

// message is a sample as a server-sent event.
func message(now, was *keeper.Sample) []byte {
	var dt time.Duration
	before := make(map[string]keeper.Plugin)
	self := keeper.Usage{}
	if was != nil {
		dt = now.At.Sub(was.At)
		self = was.Self
		for _, p := range was.Plugins {
			before[p.Name] = p
		}
	}
	rate := func(v float64) *float64 {
		if dt <= 0 {
			return nil
		}
		v = math.Round(v*100) / 100
		return &v
	}
	data := pageData{
		Bus: pageBus{
			Dir: now.Dir, Participants: len(now.Participants), CPU: rate(now.Self.Percent(self, dt)), RSS: now.Self.RSS, Trouble: now.Trouble,
		},
		Topics: make([][]any, 0, len(now.Topics)), Plugins: make([]pagePlugin, 0, len(now.Plugins)),
	}
	for _, s := range now.Segments {
		data.Bus.Memory += s.Memory
	}
	topics := was.Finder()
	for _, t := range now.Topics {
		r := t.Rate(topics(t.Name), dt)
		data.Topics = append(data.Topics, []any{
			t.Name, rate(r.Frames), rate(r.Bytes), t.Frames, t.Publishers, t.Subscribers, t.Lag, t.Slots, t.Lost, rate(r.Lost),
		})
	}
	for _, p := range now.Plugins {
		w := before[p.Name]
		if p.Frames < w.Frames {
			w.Frames = 0
		}
		data.Plugins = append(data.Plugins, pagePlugin{
			Name: p.Name, Phase: p.Phase, PID: p.State.Plugin.PID, Restarts: p.Restarts, CPU: rate(p.Percent(w.Usage, dt)), RSS: p.RSS,
			Rate: rate(float64(p.Frames-w.Frames) / max(dt, 1).Seconds()), Status: printable(p.Status, mostText), Problem: printable(p.Problem, mostText),
		})
	}
	b, err := json.Marshal(data)
	if err != nil { // there is nothing in it that cannot be marshalled
		b = []byte("{}")
	}
	return fmt.Appendf(nil, "data: %s\n\n", b)
}

// events sends the numbers as long as the page is open.
func (d *Dash) events(w http.ResponseWriter, r *http.Request) {
	c := d.hub.join()
	if c == nil {
		http.Error(w, fmt.Sprintf("%d pages are open already", mostViewers), http.StatusServiceUnavailable)
		return
	}
	defer d.hub.leave(c)
	s := newStream(w)
	for {
		select {
		case <-r.Context().Done():
			return
		case b := <-c:
			if s.send(b) != nil {
				return
			}
		}
	}
}

// A stream is an answer of server-sent events. Whoever does not take an event in time is cut off.
type stream struct {
	w  http.ResponseWriter
	to *http.ResponseController
}

func newStream(w http.ResponseWriter) stream {
	s := stream{w, http.NewResponseController(w)}
	_ = s.to.SetReadDeadline(time.Time{}) // there is nothing more to be read, but the end
	w.Header().Set("Content-Type", "text/event-stream")
	return s
}

func (s stream) send(event []byte) error {
	_ = s.to.SetWriteDeadline(time.Now().Add(writeTime))
	if _, err := s.w.Write(event); err != nil {
		return err
	}
	return s.to.Flush()
}
