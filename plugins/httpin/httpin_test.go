//go:build linux

package httpin

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"shmbus/bus"
	"shmbus/plugins/plugintest"
)

// A server is the plugin on a Unix socket, and a client.
type server struct {
	*plugintest.Harness
	t      *testing.T
	socket string
	client *http.Client
}

func serve(t *testing.T, more string, topics ...string) *server {
	t.Helper()
	return serveOn(t, plugintest.NewBus(t), more, topics...)
}

func serveOn(t *testing.T, b *bus.Bus, more string, topics ...string) *server {
	t.Helper()
	s := &server{t: t, socket: filepath.Join(plugintest.NewDir(t), "s")}
	s.Harness = plugintest.StartOn(t, b, Run, fmt.Sprintf(`{"socket":%q%s}`, s.socket, more), topics...)
	s.Ready()
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", s.socket)
	}
	s.client = &http.Client{Transport: &http.Transport{DialContext: dial}}
	t.Cleanup(s.client.CloseIdleConnections)
	return s
}

// answer is what the client gets.
type reply struct {
	code   int
	text   string
	header http.Header
}

func (s *server) send(method, path, kind string, body io.Reader, headers ...string) reply {
	s.t.Helper()
	r, err := http.NewRequest(method, "http://bus"+path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	a, err := s.client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return reply{a.StatusCode, string(text), a.Header}
}

func (s *server) post(path, kind, body string) reply {
	s.t.Helper()
	return s.send("POST", path, kind, strings.NewReader(body))
}

// want fails unless a reply has that code and words.
func (s *server) want(r reply, code int, words string) {
	s.t.Helper()
	if r.code != code || !strings.Contains(r.text, words) {
		s.t.Errorf("%d %q, want %d %q", r.code, r.text, code, words)
	}
}

func TestABodyIsAFrame(t *testing.T) {
	s := serve(t, `,"topics":["in/**"]`)
	sub := s.Subscribe2("in/a")
	for _, kind := range []string{"", "text/plain; charset=utf-8", "application/json", "application/octet-stream"} {
		s.want(s.post("/in/a", kind, `{"a": 1}`), 204, "")
		f := s.Receive(sub())
		if f.Kind() != bus.KindRaw || string(f.Bytes()) != `{"a": 1}` {
			t.Errorf("%s: %v %q", kind, f.Kind(), f.Bytes())
		}
		f.Release()
	}
	s.want(s.post("/in/a", "", ""), 204, "")
	s.Expect(sub(), "")
	s.want(s.post("/in/a%20b/%C3%BC", "", "x"), 204, "")
	s.Expect(s.Subscribe("in/a b/ü"), "x")
	value, err := msgpack.Marshal(map[string]any{"a": []any{1, "b", nil, 2.5, strings.Repeat("x", 70000)}})
	if err != nil {
		t.Fatal(err)
	}
	s.want(s.post("/in/a", "application/msgpack", string(value)), 204, "")
	f := s.Receive(sub())
	if f.Kind() != bus.KindMsgpack || !bytes.Equal(f.Bytes(), value) {
		t.Errorf("%v, %d bytes", f.Kind(), len(f.Bytes()))
	}
	f.Release()
	s.want(s.post("/in/a", "application/msgpack", string(value)+"\x00"), 400, "not one msgpack value")
	s.Stop()
	if _, err := os.Stat(s.socket); !os.IsNotExist(err) {
		t.Errorf("the socket is left: %v", err)
	}
}

// Subscribe2 subscribes when it is first asked: by then the topic is there.
func (s *server) Subscribe2(topic string) func() *bus.Subscriber {
	var sub *bus.Subscriber
	return func() *bus.Subscriber {
		if sub == nil {
			sub = s.Subscribe(topic)
		}
		return sub
	}
}

func TestJSONAsMsgpack(t *testing.T) {
	s := serve(t, `,"topics":["*"],"json":"msgpack"`)
	s.want(s.post("/a", "application/json", `{"n": 9007199254740993, "u": 18446744073709551615, "f": [1.5, 1e400000, null]}`), 400, "too large")
	s.want(s.post("/a", "application/json", `{"n": 1} x`), 400, "not one JSON value")
	deep := strings.Repeat("[", 9000) + strings.Repeat("]", 9000)
	s.want(s.post("/a", "application/json", deep), 400, "deep")
	s.want(s.post("/a", "application/x-ndjson", deep+"\n"), 400, "deep")
	s.want(s.post("/a", "application/msgpack", strings.Repeat("\x91", 9000)+"\xc0"), 400, "deep")
	s.want(s.post("/a", "application/json", strings.Repeat("[", bus.MaxNesting+1)+strings.Repeat("]", bus.MaxNesting+1)), 400, "deep")
	s.want(s.post("/deepest", "application/json", strings.Repeat("[", bus.MaxNesting)+strings.Repeat("]", bus.MaxNesting)), 204, "")
	s.want(s.post("/a", "application/json", `{"n": 9007199254740993, "u": 18446744073709551615, "f": [1.5, true, null]}`), 204, "")
	f := s.Receive(s.Subscribe("a"))
	defer f.Release()
	var v struct {
		N int64  `msgpack:"n"`
		U uint64 `msgpack:"u"`
		F []any  `msgpack:"f"`
	}
	if err := f.Decode(&v); err != nil || f.Kind() != bus.KindMsgpack || v.N != 9007199254740993 || v.U != 1<<64-1 || len(v.F) != 3 || v.F[0] != 1.5 || v.F[1] != true {
		t.Errorf("%+v, %v", v, err)
	}
	s.Stop()
}

func TestLinesOfAStreamAreFramesAsTheyCome(t *testing.T) {
	s := serve(t, `,"topics":["s"],"max":"100000"`)
	r, w := io.Pipe()
	done := make(chan reply, 1)
	go func() { done <- s.send("POST", "/s", "application/x-ndjson", r) }()
	say := func(text string) {
		if _, err := io.WriteString(w, text); err != nil {
			t.Error(err)
		}
	}
	say("{\"a\":1}\n\r\n")
	sub := s.Subscribe("s")
	s.Expect(sub, `{"a":1}`) // while the request goes on
	long := strings.Repeat("x", 100000)
	say("2\r\n" + long + "\n")
	s.Expect(sub, "2", long)
	say("last")
	w.Close()
	s.Expect(sub, "last")
	got := <-done
	s.want(got, 204, "")
	if n := got.header.Get("Shmbus-Published"); n != "4" {
		t.Errorf("%q frames", n)
	}
	s.want(s.post("/s", "application/x-ndjson", "1\n2\n"+long+"x\n3\n"), 413, "2 frames were published before")
	s.Expect(sub, "1", "2")
	s.Stop()
}

func TestAStreamThatBreaksLeavesNoHalfFrame(t *testing.T) {
	s := serve(t, `,"topics":["s"]`)
	c, err := net.Dial("unix", s.socket)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(c, "POST /s HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nContent-Length: 100\r\n\r\nwhole\nhal")
	sub := s.Subscribe("s")
	s.Expect(sub, "whole")
	c.Close()
	s.want(s.post("/s", "", "next"), 204, "")
	s.Expect(sub, "next")
	s.Stop()
}

func TestARequestIsAnsweredWhenThePluginEnds(t *testing.T) {
	for kind, want := range map[string]string{"application/x-ndjson": "told to end; 1 frames were published before", "text/plain": "told to end"} {
		s := serve(t, `,"topics":["in/**"]`)
		c, err := net.Dial("unix", s.socket)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		in := bufio.NewReader(c)
		reply := func() *http.Response {
			r, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatalf("%s: %v", kind, err)
			}
			return r
		}
		fmt.Fprintf(c, "POST /in/a HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n", kind)
		reply() // 100: the body is read
		fmt.Fprint(c, "{}\n{")
		if kind != "text/plain" {
			s.Expect(s.Subscribe("in/a"), "{}")
		}
		s.Stop()
		r := reply()
		text, err := io.ReadAll(r.Body)
		if err != nil || r.StatusCode != 503 || !strings.Contains(string(text), want) {
			t.Errorf("%s: %s %q, %v", kind, r.Status, text, err)
		}
		if n := r.Header.Get(published); kind != "text/plain" && n != "1" {
			t.Errorf("%q frames", n)
		}
	}
}

func TestABodyOfHTTP10HasALength(t *testing.T) {
	s := serve(t, `,"topics":["in/a"]`)
	for length, want := range map[string]int{"": 411, "Content-Length: 3\r\n": 204, "Content-Length: 0\r\n": 204} {
		c, err := net.Dial("unix", s.socket)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "POST /in/a HTTP/1.0\r\n%s\r\n1.0", length)
		r, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || r.StatusCode != want {
			t.Errorf("%q: %v, %v", length, r, err)
		}
		c.Close()
	}
	s.Stop()
}

func TestWhatMayNotBePublishedIsRefused(t *testing.T) {
	s := serve(t, `,"topics":["in/*","*/events"],"max":10,"max-topics":2`)
	s.want(s.post("/", "", "x"), 400, "it is empty")
	s.want(s.post("/in//a", "", "x"), 400, "between slashes")
	s.want(s.post("/in/%00", "", "x"), 400, "control byte")
	s.want(s.post("/in/a*", "", "x"), 400, "patterns")
	s.want(s.post("/$bus/events", "", "x"), 403, "busd's")
	s.want(s.post("/out", "", "x"), 403, "none of the topics")
	s.want(s.post("/in/a/b", "", "x"), 403, "none of the topics")
	s.want(s.post("/in/a", "nonsense/", "x"), 400, "Content-Type")
	s.want(s.post("/in/a", "", "0123456789x"), 413, "10 bytes")
	s.want(s.send("POST", "/in/a", "", io.MultiReader(strings.NewReader("0123456789"), strings.NewReader("x"))), 413, "10 bytes") // of no known length
	s.want(s.send("POST", "/in/a", "", strings.NewReader("x"), "Origin", "https://example.org"), 403, "other origins")
	s.want(s.send("POST", "/in/a", "", strings.NewReader("x"), "Sec-Fetch-Site", "cross-site"), 403, "other origins")
	get := s.send("GET", "/in/a", "", nil)
	s.want(get, 405, "POST")
	if get.header.Get("Allow") != "POST" {
		t.Errorf("%v", get.header)
	}
	if names, err := s.Bus.Topics(); err != nil || len(names) != 0 {
		t.Errorf("topics %v, %v", names, err)
	}
	s.want(s.post("/in/a", "", "0123456789"), 204, "")
	s.want(s.post("/in/b", "", ""), 204, "")
	s.want(s.post("/in/c", "", ""), 403, "too many topics")
	if err := s.Bus.RemoveTopic("in/a"); err != nil {
		t.Fatal(err)
	}
	s.want(s.post("/in/a", "", "again"), 204, "") // it is made again
	s.Expect(s.Subscribe("in/a"), "again")
	s.Stop()
}

func TestTopicsCountThatWerePostedTo(t *testing.T) {
	b := plugintest.NewBus(t)
	if err := b.CreateTopic("taken", bus.TopicOptions{Exclusive: true}); err != nil {
		t.Fatal(err)
	}
	if err := b.CreateTopic("d", bus.TopicOptions{}); err != nil { // it was there before, and counts all the same
		t.Fatal(err)
	}
	p, err := b.Publisher("taken")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	s := serveOn(t, b, `,"topics":["**"],"max-topics":1`, "a", "b")
	for _, topic := range []string{"/a", "/b"} {
		s.want(s.post(topic, "", "x"), 204, "")
	}
	s.want(s.post("/taken", "", "x"), 500, "")
	s.want(s.post("/c", "", "x"), 204, "") // the one that could not be opened does not count
	s.want(s.post("/d", "", "x"), 403, "too many topics: 1 have been posted to, see max-topics")
	for _, topic := range []string{"/a", "/b", "/c"} {
		s.want(s.post(topic, "", "y"), 204, "")
	}
	s.Stop()
}

func TestManyPostAtOnce(t *testing.T) {
	s := serve(t, `,"topics":["**"]`)
	const clients, each = 8, 50
	bad := make(chan string, clients*each)
	done := make(chan bool)
	for c := range clients {
		go func() {
			for i := range each {
				if r := s.post(fmt.Sprintf("/t/%d", i%3), "", fmt.Sprintf("%d %d", c, i)); r.code != 204 {
					bad <- fmt.Sprint(r)
				}
			}
			done <- true
		}()
	}
	for range clients {
		<-done
	}
	close(bad)
	for b := range bad {
		t.Error(b)
	}
	s.Await("all frames are counted", func() bool {
		got := 0
		for i := range 3 {
			st, err := s.Bus.Stat(fmt.Sprintf("t/%d", i))
			if err != nil {
				t.Fatal(err)
			}
			got += int(st.Frames)
		}
		return got == clients*each
	})
	s.Stop()
}
