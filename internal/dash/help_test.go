package dash

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"shmbus/bus"
	"shmbus/internal/keeper"
	"shmbus/internal/testproc"
	"shmbus/plugins"
)

func TestMain(m *testing.M) { testproc.Main(m, map[string]testproc.Helper{"publish": helpPublish}) }

// helpPublish publishes so many frames of 100 bytes as a line says, on the topic that the next line says. It stays on its topics.
func helpPublish(p *testproc.Peer) error {
	b, err := bus.Open(p.Arg(0))
	if err != nil {
		return err
	}
	defer b.Close()
	pubs := make(map[string]*bus.Publisher)
	for {
		count, ok := p.Await()
		if !ok {
			return nil
		}
		topic, _ := p.Await()
		n, err := strconv.Atoi(count)
		if err != nil {
			return err
		}
		if pubs[topic] == nil {
			var opts []bus.PublisherOption
			if _, err := b.Stat(topic); err != nil { // otherwise it is as it is
				opts = append(opts, bus.WithTopic(bus.TopicOptions{Slots: 64}))
			}
			if pubs[topic], err = b.Publisher(topic, opts...); err != nil {
				return err
			}
		}
		for range n {
			if err := pubs[topic].Publish(context.Background(), make([]byte, 100)); err != nil {
				return err
			}
		}
		p.Say("done")
	}
}

// A crowd is another process that publishes.
type crowd struct{ *testproc.Process }

func newCrowd(t testing.TB, b *bus.Bus) crowd { return crowd{testproc.Start(t, "publish", b.Dir())} }

func (c crowd) publish(n int, topic string) {
	c.Say(strconv.Itoa(n))
	c.Say(topic)
	c.Expect("done")
}

// fakes is plugins as a test says.
type fakes []plugins.State

func (f fakes) Plugins() []plugins.State { return f }

func newBus(t testing.TB) (*bus.Bus, plugins.Place) {
	t.Helper()
	dir := testproc.MemoryDir(t)
	b, err := bus.Open(filepath.Join(dir, "bus"), bus.WithReserved())
	must(t, err)
	t.Cleanup(func() { must(t, b.Close()) })
	must(t, b.CreateTopic(plugins.TopicEvents, bus.TopicOptions{Slots: 64})) // so that the directory is there
	p := plugins.PlaceOf(b.Dir())
	must(t, os.Mkdir(string(p), 0o700))
	return b, p
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// serve runs a Dash until the test ends, or stop is called.
func serve(t testing.TB, c Config, b *bus.Bus, place plugins.Place, p keeper.Plugins) (d *Dash, stop func()) {
	t.Helper()
	d, err := New(c, place, b, keeper.NewSampler(b, p), "v1.2.3", hclog.NewNullLogger())
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	ended := false
	stop = func() {
		if !ended {
			ended = true
			cancel()
			if err := <-done; err != nil {
				t.Errorf("Run: %v", err)
			}
		}
	}
	t.Cleanup(stop)
	return d, stop
}

// client is one for the Unix socket of a Dash.
func client(t testing.TB, d *Dash) *http.Client {
	tr := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", d.Addr())
	}}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: time.Minute}
}

// get is the status and the body of an answer.
func get(t testing.TB, c *http.Client, url string, header ...string) (int, string) {
	t.Helper()
	r, body := ask(t, c, http.MethodGet, url, nil, header...)
	return r.StatusCode, body
}

func ask(t testing.TB, c *http.Client, method, url string, body io.Reader, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	must(t, err)
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Set(header[i], header[i+1])
	}
	a, err := c.Do(r)
	must(t, err)
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	must(t, err)
	return a, string(b)
}

// eventually waits for something that nobody tells of.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("after a minute still not: %s", what)
		}
		time.Sleep(2 * time.Millisecond) // not synchronisation: it looks again and again
	}
}

// writeLog writes the log file of a plugin.
func writeLog(t testing.TB, n plugins.Nook, suffix string, from, to int) {
	t.Helper()
	must(t, os.MkdirAll(string(n), 0o700))
	var b []byte
	for i := from; i < to; i++ {
		b = fmt.Appendf(b, "line %d\n", i)
	}
	must(t, os.WriteFile(n.Log()+suffix, b, 0o600))
}
