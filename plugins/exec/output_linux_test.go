package exec

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"shmbus/bus"
	"shmbus/internal/testproc"
	"shmbus/plugins"
)

func init() {
	// million prints the numbers from 1 to a million.
	helpers["million"] = func(*testproc.Peer) error {
		w := bufio.NewWriterSize(os.Stdout, 64<<10)
		for i := range million {
			w.WriteString(strconv.Itoa(i + 1))
			w.WriteByte('\n')
		}
		return w.Flush()
	}
	// builtin says its arguments, in a line on t.
	helpers["builtin"] = func(p *testproc.Peer) error {
		p.Say("%v", plugins.Handshake{Version: plugins.Version, Contract: plugins.Lines, Topic: "t"})
		p.Say("%s %s", p.Arg(0), p.Arg(1))
		return nil
	}
	// frames writes frames on topics.
	helpers["frames"] = func(*testproc.Peer) error {
		b := plugins.AppendFrame(nil, "a", bus.KindRaw, []byte("one"))
		b = plugins.AppendFrame(b, "b", bus.KindMsgpack, []byte{0xa3, 't', 'w', 'o'})
		b = plugins.AppendFrame(b, "$bus/events", bus.KindRaw, []byte("not mine"))
		b = plugins.AppendFrame(b, "small", bus.KindRaw, bytes.Repeat([]byte("x"), 1000))
		b = plugins.AppendFrame(b, "small", bus.KindRaw, nil)
		b = plugins.AppendFrame(b, "a", bus.KindRaw, []byte("three"))
		half := plugins.AppendFrame(nil, "a", bus.KindRaw, []byte("never"))
		_, err := os.Stdout.Write(append(b, half[:len(half)-1]...))
		return err
	}
}

const million = 1_000_000

func TestAMillionLinesComeThroughALosslessTopic(t *testing.T) {
	w := newWorld(t, "contract = \"lines\"\ntopic = \"numbers\"\n"+helper(t, "million")+"[[topics]]\nname = \"numbers\"\npolicy = \"lossless\"\nslots = 4096\n")
	s := w.lossless("numbers", bus.TopicOptions{Slots: 4096})
	w.start()
	ctx := soon(t)
	for i := range million {
		f, err := s.Receive(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(f.Bytes()); got != strconv.Itoa(i+1) {
			t.Fatalf("line %d is %q", i+1, got)
		}
		f.Release()
	}
	if how := w.end(); how != "<nil>" {
		t.Errorf("the runner ends with %s", how)
	}
	if s := w.state(); s.Frames != million || s.Dropped != 0 || s.Bytes != 5_888_896 || s.Contract != plugins.Lines {
		t.Errorf("%+v", s)
	}
	if f, err := s.TryReceive(); f != nil || err != nil {
		t.Errorf("more: %v, %v", f, err)
	}
}

func TestLinesAreFramesAsTheyAre(t *testing.T) {
	w := newWorld(t, `contract = "lines"
topic = "t"
command = ["sh", "-c", "printf 'one\\r\\n\\n\\377\\n'; head -c 70000 /dev/zero; printf '\\nafter\\nlast'"]
[[topics]]
name = "t"
slots = 64
cell = 64
policy = "lossless"`)
	s := w.lossless("t", bus.TopicOptions{Slots: 64})
	w.start()
	w.expect(s, "one\r", "", "\xff", "after", "last")
	w.end()
	if s := w.state(); s.Frames != 5 || s.Dropped != 1 || s.Bytes != 4+0+1+5+4 {
		t.Errorf("%+v", s)
	}
	log, _ := os.ReadFile(w.nook.Log())
	has(t, string(log), "longer than a frame")
}

func TestALineLongerThanABufferIsOneFrame(t *testing.T) {
	const size = 300_000
	w := newWorld(t, fmt.Sprintf(`contract = "lines"
topic = "t"
command = ["sh", "-c", "head -c %d /dev/zero | tr '\\000' x; echo; echo next"]
[[topics]]
name = "t"
slots = 64
cell = 65536
policy = "lossless"`, size))
	s := w.lossless("t", bus.TopicOptions{Slots: 64, CellSize: 65536})
	w.start()
	w.expect(s, strings.Repeat("x", size), "next")
}

func TestALineIsPublishedAtOnce(t *testing.T) {
	w := newWorld(t, "contract = \"lines\"\ntopic = \"t\"\ncommand = [\"sh\", \"-c\", \"echo now; printf half; sleep 1000\"]")
	s := w.lossless("t", bus.TopicOptions{})
	w.start()
	w.expect(s, "now")
	if f, _ := s.TryReceive(); f != nil {
		t.Errorf("half a line: %q", f.Bytes())
	}
}

func TestALastLineWithoutItsNewlineIsAFrameUnlessThePluginWasKilled(t *testing.T) {
	for end, want := range map[string][]string{
		"exit 0":        {"whole", "last"},
		"exit 3":        {"whole", "last"},
		"kill -SEGV $$": {"whole"},
		"kill -KILL $$": {"whole"},
	} {
		w := newWorld(t, "contract = \"lines\"\ntopic = \"t\"\nrestart.policy = \"never\"\ncommand = [\"sh\", \"-c\", \"echo whole; printf last; "+end+"\"]")
		s := w.lossless("t", bus.TopicOptions{})
		w.start()
		w.end()
		w.expect(s, want...)
		if f, _ := s.TryReceive(); f != nil {
			t.Errorf("%s: %q was published too", end, f.Bytes())
		}
		if told := w.told(); slices.Contains(told, HalfFrame) != (len(want) == 1) {
			t.Errorf("%s: events %v", end, told)
		}
	}
}

func TestWhatAPluginHasWrittenIsPublishedThoughItHasGivenItsOutputAway(t *testing.T) {
	// The one that is given it is no child of the plugin's, and lives on: it opens the pipe through /proc.
	w := newWorld(t, "contract = \"lines\"\ntopic = \"t\"\ncommand = [\"sh\", \"-c\", \"while [ ! -e go ]; do sleep 0.01; done; seq 1 5000\"]")
	s := w.lossless("t", bus.TopicOptions{})
	w.start()
	pid := w.phase(plugins.Running).Plugin.PID
	other, err := os.OpenFile(fmt.Sprintf("/proc/%d/fd/1", pid), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := os.WriteFile(w.spec.Dir+"/go", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range 5000 {
		w.expect(s, strconv.Itoa(i+1))
	}
	if how := w.end(); how != "<nil>" {
		t.Errorf("the runner ends with %s", how)
	}
}

func TestATopicThatIsRemovedIsMadeAgain(t *testing.T) {
	w := newWorld(t, "contract = \"lines\"\ntopic = \"t\"\ncommand = [\"sh\", \"-c\", \"while :; do echo x; sleep 0.01; done\"]")
	w.start()
	s := w.subscribe("t", bus.WaitForTopic())
	w.expect(s, "x")
	if err := w.bus.RemoveTopic("t"); err != nil {
		t.Fatal(err)
	}
	w.expect(s, "x", "x")
	if s := w.state(); s.Restarts != 0 {
		t.Errorf("%+v", s)
	}
}

func TestFramesGoToTheirTopics(t *testing.T) {
	w := newWorld(t, "contract = \"frames\"\n"+helper(t, "frames")+"[[topics]]\nname = \"small\"\nslots = 8\ncell = 64\n")
	a, b := w.lossless("a", bus.TopicOptions{}), w.lossless("b", bus.TopicOptions{})
	w.start()
	w.expect(a, "one", "three")
	f := receive(t, b)
	if v, err := bus.Decode[string](f); err != nil || v != "two" {
		t.Errorf("%q, %v", v, err)
	}
	has(t, w.event(HalfFrame).Detail, "not published")
	if how := w.end(); how != "<nil>" {
		t.Errorf("the runner ends with %s", how)
	}
	if s := w.state(); s.Frames != 4 || s.Dropped != 2 || s.Contract != plugins.Frames || s.Phase != plugins.Stopped {
		t.Errorf("%+v", s)
	}
	log, _ := os.ReadFile(w.nook.Log())
	has(t, string(log), "busd's", "$bus/events")
	if f, _ := a.TryReceive(); f != nil {
		t.Errorf("half a frame was published: %q", f.Bytes())
	}
}

func TestWhatIsNoFramesFailsThePlugin(t *testing.T) {
	w := newWorld(t, "contract = \"frames\"\ncommand = [\"sh\", \"-c\", \"echo hello; exec sleep 1000\"]\n"+quick+"tries = 2\n")
	w.start()
	has(t, w.end(), "bad frame")
	w.told(Started, Ready, BadFrame, Exited, GivenUp)
}

func TestWhatIsNotOneMsgpackValueFailsThePlugin(t *testing.T) {
	w := newWorld(t, "contract = \"frames\"\ncommand = [\"sh\", \"-c\", \"printf '\\\\000\\\\000\\\\000\\\\005\\\\001\\\\001t\\\\001\\\\002'; exec sleep 1000\"]\n"+quick+"tries = 2\n")
	w.start()
	has(t, w.end(), "not one msgpack value")
	w.told(Started, Ready, BadFrame, Exited, GivenUp)
}

func TestAPluginSaysItsContractByItsFirstLine(t *testing.T) {
	for name, c := range map[string]struct {
		says     string
		contract plugins.Contract
		frames   []string
	}{
		"lines":  {"echo shmbus-plugin 1 lines t; echo one; echo two", plugins.Lines, []string{"one", "two"}},
		"frames": {`echo shmbus-plugin 1 frames; printf '\000\000\000\006\000\001tone'`, plugins.Frames, []string{"one"}},
		"bus":    {"echo shmbus-plugin 1 bus; echo hello", plugins.Direct, nil},
	} {
		t.Run(name, func(t *testing.T) {
			dir := script(t, "it", c.says+"\nexec sleep 1000\n")
			w := newWorldIn(t, dir, `executable = "it"`)
			s := w.lossless("t", bus.TopicOptions{})
			w.start()
			w.expect(s, c.frames...)
			if s := w.phase(plugins.Running); s.Contract != c.contract {
				t.Errorf("%+v", s)
			}
			if c.contract == plugins.Direct {
				eventually(t, "its output in the log", func() bool {
					log, _ := os.ReadFile(w.nook.Log())
					return strings.Contains(string(log), "hello") && !strings.Contains(string(log), "shmbus-plugin")
				})
			}
		})
	}
}

func TestABadFirstLineFailsThePlugin(t *testing.T) {
	for says, line := range map[string]string{
		"the first line of standard output is none": "echo hello; exec sleep 1000",
		"version \\\"2\\\"":                         "echo shmbus-plugin 2 lines t; exec sleep 1000",
		"lines need a topic":                        "echo shmbus-plugin 1 lines; exec sleep 1000",
		"is busd's":                                 "echo shmbus-plugin 1 lines '$bus/events'; exec sleep 1000",
		"longer than 512":                           "head -c 5000 /dev/zero; exec sleep 1000",
		"ended before its first line":               "printf shmbus",
		"exit code 7":                               "exit 7",
	} {
		t.Run(says, func(t *testing.T) {
			says, _ := strconv.Unquote(`"` + says + `"`)
			w := newWorldIn(t, script(t, "it", line+"\n"), "executable = \"it\"\n"+quick+"tries = 2\n")
			w.start()
			has(t, w.end(), says)
		})
	}
}

func TestAPluginWithoutAFirstLineIsEnded(t *testing.T) {
	w := newWorldIn(t, script(t, "it", "exec sleep 1000\n"), "executable = \"it\"\nready = \"50ms\"\n"+quick+"tries = 1\n")
	w.start()
	has(t, w.end(), "not ready within 50ms", "handshake")
	w.told(Started, NotReady, Exited, GivenUp)
}

func TestAPluginThatOpensTheBusItselfMaySayAFirstLine(t *testing.T) {
	w := newWorld(t, "contract = \"bus\"\ncommand = [\"sh\", \"-c\", \"echo shmbus-plugin 1 bus; echo second; sleep 1000\"]")
	w.start()
	eventually(t, "its output in the log", func() bool {
		log, _ := os.ReadFile(w.nook.Log())
		return strings.Contains(string(log), "second") && !strings.Contains(string(log), "shmbus-plugin")
	})
	w.stop()
	w = newWorld(t, "contract = \"bus\"\ncommand = [\"sh\", \"-c\", \"echo shmbus-plugin 1 frames; exec sleep 1000\"]\n"+quick+"tries = 1\n")
	w.start()
	has(t, w.end(), "the manifest says contract bus")
}

func TestStoppingDoesNotWaitForASubscriberThatDoesNotRead(t *testing.T) {
	w := newWorld(t, "contract = \"lines\"\ntopic = \"t\"\ngrace = \"100ms\"\ncommand = [\"yes\"]\n")
	s := w.lossless("t", bus.TopicOptions{Slots: 64})
	w.start()
	eventually(t, "the runner waits for room", func() bool {
		s, err := w.bus.Stat("t")
		return err == nil && len(s.PublisherList) == 1 && s.PublisherList[0].Blocked > 0
	})
	if how := w.stop(); how != "<nil>" {
		t.Errorf("the runner ends with %s", how)
	}
	w.expect(s, "y")
}
