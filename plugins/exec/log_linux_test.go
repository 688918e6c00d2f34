package exec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/plugins"
)

// entries is the log of a plugin on the bus, as it comes.
func (w *world) entries() *bus.Subscriber {
	w.Helper()
	topic := plugins.TopicLogs + w.spec.Name
	if err := w.bus.CreateTopic(topic, bus.TopicOptions{Slots: 1024, CellSize: 256}); err != nil {
		w.Fatal(err)
	}
	return w.subscribe(topic)
}

// entry is the next entry that the plugin itself has made.
func (w *world) entry(s *bus.Subscriber) plugins.LogEntry {
	w.Helper()
	for {
		f := receive(w, s)
		e, err := bus.Decode[plugins.LogEntry](f)
		f.Release()
		if err != nil {
			w.Fatal(err)
		}
		if e.Name != "p.runner" {
			return e
		}
	}
}

func TestALogHasItsLevelsAndFieldsOnTheBusAndInItsFile(t *testing.T) {
	dir := script(t, "it", `exec >&2
echo 'ERROR it only looks so'
echo '{"@level":"warn","@message":"hclog","@module":"p.part","@timestamp":"2026-01-02T03:04:05Z","n":3,"f":1.5,"list":[1,"a"]}'
echo '{"time":"2026-01-02T03:04:05Z","level":"ERROR","msg":"slog","group":{"n":9007199254740993}}'
echo '{"level":"DEBUG-2","msg":"below"}'
echo '{"level":"warn"}'
printf 'bad \377 byte\r\n\nlast'
exec sleep 1000
`)
	w := newWorldIn(t, dir, "contract = \"bus\"\nexecutable = \"it\"\n")
	s := w.entries()
	w.start()
	type line struct{ level, name, msg, fields string }
	for _, want := range []line{
		{"info", "p", "ERROR it only looks so", "null"},
		{"warn", "p.part", "hclog", `{"f":1.5,"list":[1,"a"],"n":3,"timestamp":"2026-01-02T03:04:05Z"}`},
		{"error", "p", "slog", `{"group":{"n":9007199254740993},"timestamp":"2026-01-02T03:04:05Z"}`},
		{"debug", "p", "below", "null"},
		{"info", "p", `{"level":"warn"}`, "null"},
		{"info", "p", "bad ? byte", "null"},
		{"info", "p", "", "null"},
	} {
		e := w.entry(s)
		fields, err := json.Marshal(e.Fields)
		if err != nil {
			t.Fatal(err)
		}
		if got := (line{e.Level, e.Name, e.Msg, string(fields)}); got != want || e.Time.IsZero() {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	w.stop()
	if e := w.entry(s); e.Msg != "last" {
		t.Errorf("%+v, want the last line, which has no newline", e)
	}
	log, err := os.ReadFile(w.nook.Log())
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(log) {
		var v map[string]any
		if err := json.Unmarshal(line, &v); err != nil || v["@level"] == nil || v["@message"] == nil || v["@timestamp"] == nil {
			t.Errorf("%s: %v", line, err)
		}
	}
	has(t, string(log), `"@message":"hclog"`, `"@module":"p.part"`, `"n":9007199254740993`, `"@message":"stopping"`)
}

func TestALongLineIsCut(t *testing.T) {
	w := newWorld(t, "contract = \"bus\"\ncommand = [\"sh\", \"-c\", \"head -c 40000 /dev/zero | tr '\\\\000' x >&2; echo >&2; head -c 16384 /dev/zero | tr '\\\\000' x >&2; echo >&2; echo next >&2; sleep 1000\"]\n")
	s := w.entries()
	w.start()
	for _, want := range []struct {
		size      int
		continued any
	}{{maxLine, nil}, {maxLine, true}, {40000 - 2*maxLine, true}, {maxLine, nil}, {4, nil}} {
		e := w.entry(s)
		if len(e.Msg) != want.size || e.Fields["continued"] != want.continued {
			t.Errorf("%d bytes, %v; want %v", len(e.Msg), e.Fields, want)
		}
	}
}

func TestALongLineIsCutBetweenCharacters(t *testing.T) {
	const text = "x" + "äöü€😀" // of 15 bytes: cuts come at every place
	long := strings.Repeat(text, 8000)
	w := newWorld(t, fmt.Sprintf("contract = \"bus\"\ncommand = [\"sh\", \"-c\", \"cat text >&2; sleep 1000\"]\ndir = %q\n", t.TempDir()))
	if err := os.WriteFile(filepath.Join(w.spec.Dir, "text"), []byte(long+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := w.entries()
	w.start()
	for got := ""; len(got) < len(long); {
		e := w.entry(s)
		if !strings.HasPrefix(long[len(got):], e.Msg) || e.Msg == "" {
			t.Fatalf("after %d bytes: %.20q to %q", len(got), e.Msg, e.Msg[max(0, len(e.Msg)-20):])
		}
		got += e.Msg
	}
}

func TestTheBorderOfTheLastCharacter(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, "a": 1, "ä": 2, "ä\xc3": 2, "a\xe2": 1, "a\xe2\x82": 1, "a€": 4, "\xf0\x9f\x98": 0, "😀": 4, "a\x80": 2, "\x80\x80\x80\x80\x80": 5, "a\xff": 2, "\xc3a": 2,
	} {
		if got := border([]byte(text)); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

func TestAFloodOfTheLogHoldsUpNothingElse(t *testing.T) {
	w := newWorld(t, "contract = \"lines\"\ntopic = \"t\"\ncommand = [\"sh\", \"-c\", \"yes >&2 & while :; do echo x; sleep 0.01; done\"]\n")
	s := w.lossless("t", bus.TopicOptions{})
	log := w.entries()
	w.start()
	for range 100 {
		w.expect(s, "x")
		f, err := log.TryReceive()
		if err != nil {
			t.Fatal(err)
		}
		if f != nil {
			f.Release()
		}
	}
	began := time.Now()
	if how := w.stop(); how != "<nil>" {
		t.Errorf("the runner ends with %s", how)
	}
	if d := time.Since(began); d > 30*time.Second {
		t.Errorf("stopping took %v", d)
	}
}

func TestAFloodOfTheLogIsReadSlowly(t *testing.T) {
	w := newWorld(t, "contract = \"bus\"\ncommand = [\"sh\", \"-c\", \"seq 1 1000000 >&2; echo done >&2\"]\n")
	s := w.entries()
	w.start()
	began := time.Now()
	for i := range 3 * perSecond {
		if e := w.entry(s); i == 0 && e.Msg != "1" {
			t.Fatalf("%+v", e)
		}
	}
	if d := time.Since(began); d < 1500*time.Millisecond {
		t.Errorf("%d lines in %v", 3*perSecond, d)
	}
	if s := w.state(); s.Phase != plugins.Running {
		t.Errorf("%+v: it has not waited", s)
	}
}

func TestALogThatWasRemovedIsMadeAnew(t *testing.T) {
	w := newWorld(t, "contract = \"bus\"\ncommand = [\"sh\", \"-c\", \"while echo here >&2; do sleep 0.1; done\"]\n")
	w.start()
	logged := func() bool {
		log, err := os.ReadFile(w.nook.Log())
		return err == nil && strings.Contains(string(log), "here")
	}
	eventually(w, "it is logged", logged)
	if err := os.Remove(w.nook.Log()); err != nil {
		t.Fatal(err)
	}
	eventually(w, "it is logged again", logged)
}
