package dash

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"shmbus/internal/keeper"
	"shmbus/plugins"
)

// A reader reads server-sent events.
type reader struct {
	t testing.TB
	*bufio.Reader
	answer *http.Response
}

func follow(t testing.TB, c *http.Client, url string) *reader {
	t.Helper()
	a, err := c.Get(url)
	must(t, err)
	t.Cleanup(func() { a.Body.Close() })
	if a.StatusCode != 200 || a.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s: %s", url, a.Status)
	}
	return &reader{t, bufio.NewReaderSize(a.Body, 1<<20), a}
}

// next is the data of the next event.
func (r *reader) next() string {
	r.t.Helper()
	for {
		line, err := r.ReadString('\n')
		must(r.t, err)
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			return strings.TrimSpace(data)
		}
	}
}

func TestAllWhoLookGetTheSameNumbersAndNothingIsDoneWhenNobodyLooks(t *testing.T) {
	b, place := newBus(t)
	crowd := newCrowd(t, b)
	crowd.publish(1, "a/<b>")
	d, _ := serve(t, Config{}, b, place, fakes{{Name: "plug", Phase: plugins.Running, Status: "</script>", Problem: "\u2028"}})
	c := client(t, d)
	var all []*reader
	for range 5 {
		all = append(all, follow(t, c, "http://bus/events"))
	}
	got := make([]map[string]bool, len(all)) // what each has seen
	for i, r := range all {
		got[i] = make(map[string]bool)
		for range 2 {
			got[i][r.next()] = true
		}
	}
	for data := range got[4] { // the last that came; the others may have seen one more before
		if !got[3][data] && !got[2][data] {
			t.Errorf("one got what two others did not get: %s", data)
		}
	}
	crowd.publish(7, "a/<b>")
	var p struct {
		Bus     struct{ Dir string }
		Topics  [][]any
		Plugins []map[string]any
	}
	eventually(t, "the page is told of the frames", func() bool {
		must(t, json.Unmarshal([]byte(all[0].next()), &p))
		return len(p.Topics) == 2 && p.Topics[1][0] == "a/<b>" && p.Topics[1][3] == 8.0 && p.Topics[1][1] != nil
	})
	if p.Bus.Dir != b.Dir() || p.Plugins[0]["status"] != "</script>" || p.Topics[1][1].(float64) <= 0 {
		t.Errorf("%+v", p)
	}
	for _, r := range all {
		r.answer.Body.Close()
	}
	eventually(t, "it stops when nobody looks", func() bool {
		d.hub.mu.Lock()
		defer d.hub.mu.Unlock()
		return !d.hub.running && len(d.hub.viewers) == 0
	})
	follow(t, c, "http://bus/events").next()
}

func TestNotTooManyPagesAreOpenAtOnce(t *testing.T) {
	b, _ := newBus(t)
	h := newHub(keeper.NewSampler(b, nil))
	var all []chan []byte
	for range mostViewers {
		all = append(all, h.join())
	}
	if h.join() != nil {
		t.Error("one more was let in")
	}
	h.leave(all[0])
	if h.join() == nil {
		t.Error("the place that was left was not given")
	}
	for c := range h.viewers {
		h.leave(c)
	}
	eventually(t, "it has stopped", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return !h.running
	})
}

func TestWhoLooksDoesNotKeepItFromEnding(t *testing.T) {
	b, place := newBus(t)
	d, stop := serve(t, Config{}, b, place, nil)
	events, tail := follow(t, client(t, d), "http://bus/events"), follow(t, client(t, d), "http://bus/tail/none")
	events.next()
	stop()
	for _, r := range []*reader{events, tail} {
		for err := error(nil); err == nil; { // until its end
			_, err = r.ReadString('\n')
		}
	}
}

func TestALogIsFollowed(t *testing.T) {
	b, place := newBus(t)
	d, _ := serve(t, Config{}, b, place, nil)
	tail := follow(t, client(t, d), "http://bus/tail/plug")
	r := plugins.NewReporter(b)
	defer r.Close()
	must(t, r.Publish(plugins.TopicLogs+"plug", plugins.LogEntry{Level: "warn", Name: "plug", Msg: "<b>", Fields: map[string]any{"n": 3}}))
	var e plugins.LogEntry
	must(t, json.Unmarshal([]byte(tail.next()), &e))
	if e.Level != "warn" || e.Msg != "<b>" || e.Fields["n"] != 3.0 {
		t.Errorf("%+v", e)
	}
	must(t, r.Publish(plugins.TopicLogs+"plug", plugins.LogEntry{Msg: strings.Repeat("\n", 50_000)}))
	if data := tail.next(); len(data) > mostEntry || !strings.Contains(data, "cut off here") {
		t.Errorf("%d bytes: %.100s", len(data), data)
	}
	must(t, r.Publish(plugins.TopicLogs+"plug", "no entry"))
	must(t, r.Publish(plugins.TopicLogs+"plug", plugins.LogEntry{Msg: "after it"}))
	if data := tail.next(); !strings.Contains(data, "after it") {
		t.Errorf("%s", data)
	}
}

func TestOfAFloodOfEntriesAPartIsShownAndTheOthersCounted(t *testing.T) {
	var th throttle
	now := time.Now()
	shown, skipped := 0, uint64(0)
	for i := range 3 * mostEntries {
		show, n := th.take(now, uint64(i/mostEntries)) // and one is lost in each third
		if show {
			shown++
		}
		skipped += n
	}
	show, n := th.take(now.Add(second), 2)
	if shown != mostEntries || !show || skipped+n != 2*mostEntries+2 {
		t.Errorf("%d were shown, and %d left out", shown, skipped+n)
	}
}
