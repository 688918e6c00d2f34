package supervise

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"shmbus/internal/testproc"
	"shmbus/internal/unixsock"
	"shmbus/plugins"
)

// client asks for a list over a control socket, and says what it is told.
func client(p *testproc.Peer) error {
	c, err := net.Dial("unix", p.Arg(0))
	if err != nil {
		return err
	}
	defer c.Close()
	err = ask(c, Request{Do: "list"}, func(a Answer) error {
		p.Say("%s", a.Error)
		return nil
	})
	p.Say("end %v", err)
	return nil
}

// serve starts a supervisor with its control socket.
func (r *rig) serve() {
	r.t.Helper()
	stop := r.start()
	r.until("it answers", func() bool { return r.s.Alive() == nil })
	ctx, cancel := context.WithCancel(context.Background())
	c, err := r.s.Listen()
	if err != nil {
		r.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	r.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			r.t.Errorf("the control socket: %v", err)
		}
		stop()
	})
}

func (r *rig) ask(q Request, all *[]Answer) error {
	return Ask(context.Background(), r.o.Place, q, func(a Answer) error {
		if all != nil {
			*all = append(*all, a)
		}
		return nil
	})
}

func TestTheControlSocketDoesWhatItIsTold(t *testing.T) {
	r := newRig(t)
	if err := r.ask(Request{Do: "list"}, nil); !errors.Is(err, ErrNoBusd) {
		t.Errorf("no busd: %v", err)
	}
	if err := os.MkdirAll(string(r.o.Place), 0o700); err != nil {
		t.Fatal(err)
	}
	old, err := net.ListenUnix("unix", &net.UnixAddr{Name: r.o.Place.Control(), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	old.SetUnlinkOnClose(false) // as if it was killed
	old.Close()
	if err := r.ask(Request{Do: "list"}, nil); !errors.Is(err, ErrNoBusd) {
		t.Errorf("a socket of a dead busd: %v", err)
	}
	r.manifest("a", "")
	r.manifest("b", "")
	r.serve()
	if i, err := os.Stat(r.o.Place.Control()); err != nil || i.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v, %v", i.Mode(), err)
	}
	a, b := r.runs("a"), r.runs("b")
	for _, c := range []struct {
		q    Request
		want string
	}{
		{Request{Do: "list"}, "a running, b running"},
		{Request{Do: "stop", Names: []string{"b", "x", "a"}}, `error no such plugin: "x", b stopped, a stopped`},
		{Request{Do: "list"}, "a stopped, b stopped"},
		{Request{Do: "start", Names: []string{"a"}}, "a running"},
		{Request{Do: "restart", Names: []string{"a", "b"}}, "a running, b running"},
		{Request{Do: "reload"}, ""},
		{Request{Do: "explode"}, `error "explode" cannot be done; there are list, restart, start, stop and reload`},
	} {
		var all []Answer
		if err := r.ask(c.q, &all); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, x := range all {
			if x.Error != "" {
				got = append(got, "error "+x.Error)
			} else {
				got = append(got, fmt.Sprintf("%s %s", x.Plugin.Name, x.Plugin.Phase))
			}
		}
		if s := strings.Join(got, ", "); s != c.want {
			t.Errorf("%+v: %s; want %s", c.q, s, c.want)
		}
	}
	if r.runs("a") == a || r.runs("b") == b {
		t.Error("a process is the same after all this")
	}
}

func TestTheControlSocketTakesOnlyWhatItKnows(t *testing.T) {
	r := newRig(t)
	r.serve()
	for _, text := range []string{"\n", "{\n", "hello\n", strings.Repeat("x", maxRequest+1), "[1]\n", strings.Repeat("[", maxRequest-1) + "\n"} {
		c, err := net.Dial("unix", r.o.Place.Control())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.Write([]byte(text))
		var all []string
		err = ask(c, Request{}, func(a Answer) error {
			all = append(all, a.Error)
			return nil
		})
		if len(all) > 1 || len(all) == 1 && !strings.Contains(all[0], "no line of JSON") || len(all) == 0 && err == nil {
			t.Errorf("%.10q: %q, %v", text, all, err)
		}
		c.Close()
	}
	if err := r.ask(Request{Do: "list"}, nil); err != nil {
		t.Errorf("after all this: %v", err)
	}
}

func TestTheControlSocketIsForItsUser(t *testing.T) {
	r := newLoneRig(t) // a process that another test starts might have the copy of the helper open, which cannot be run then
	if os.Geteuid() != 0 {
		t.Skip("needs root, to start a process as another user")
	}
	r.manifest("a", "")
	r.serve()
	r.runs("a")
	stranger := testproc.StartAs(t, testproc.Nobody, "client", r.o.Place.Control())
	if l := <-stranger.Lines(); l != "" && !strings.HasPrefix(l, "end") {
		t.Errorf("it was told %q", l)
	}
	for _, path := range []string{r.dir + "/..", r.bus, string(r.o.Place), r.o.Place.Control()} { // suppose the files let it through
		if err := os.Chmod(path, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	stranger = testproc.StartAs(t, testproc.Nobody, "client", r.o.Place.Control())
	stranger.Expect("user 65534 may not tell this busd anything")
	stranger.Expect("end <nil>")
	stranger.Wait()
	if st := r.is("a", plugins.Running); st.Problem != "" {
		t.Errorf("%+v", st)
	}
}

func TestABusdThatDoesNotAnswerIsGivenUp(t *testing.T) {
	r := newRig(t)
	if err := os.MkdirAll(string(r.o.Place), 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := unixsock.Listen(r.o.Place.Control())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // it takes whoever connects, and says nothing
	for _, q := range []Request{{Do: "list"}, {Do: "stop", Names: []string{"a"}}} {
		err := r.ask(q, nil)
		want := fmt.Sprintf("busd (pid %d) does not answer: it has said nothing for 4s; %s may say why", os.Getpid(), r.o.Place.Log())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %s", q.Do, err, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Ask(ctx, r.o.Place, Request{Do: "list"}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

// TestWhoHasGivenUpIsNotObeyed: while busd was suspended, say.
func TestWhoHasGivenUpIsNotObeyed(t *testing.T) {
	r := newRig(t)
	r.manifest("a", "")
	defer r.start()()
	pid := r.runs("a")
	for _, do := range []string{"stop", "restart"} {
		l, err := unixsock.Listen(filepath.Join(t.TempDir(), "s"))
		if err != nil {
			t.Fatal(err)
		}
		asks, err := net.Dial("unix", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprintf(asks, "{\"do\": %q, \"names\": [\"a\"]}\n", do); err != nil {
			t.Fatal(err)
		}
		answers, err := l.AcceptUnix()
		if err != nil {
			t.Fatal(err)
		}
		asks.Close()
		r.s.talk(t.Context(), answers)
		answers.Close()
		l.Close()
		if now := r.runs("a"); now != pid {
			t.Errorf("%s: it runs as %d, not as %d", do, now, pid)
		}
	}
}
