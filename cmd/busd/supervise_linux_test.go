package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/internal/cli"
	"shmbus/internal/testproc"
	"shmbus/plugins"
)

func TestBusdRunsThePluginsUntilItIsToldToStop(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(sig.String(), func(t *testing.T) {
			r := newRig(t)
			r.sleeper("a")
			d := r.start()
			r.lists(`^a +running +\d+s +bus `)
			r.sleeper("b")
			r.lists(`^b +running`)
			pid := r.runner("a")
			d.signal(sig)
			d.ends(exitOK)
			if now(pid).PID != 0 {
				t.Error("the runner lives")
			}
			if _, err := os.Stat(r.place.Control()); !os.IsNotExist(err) {
				t.Errorf("the control socket is there: %v", err)
			}
		})
	}
}

func TestPluginsGoOnWhenBusdIsKilledAndAreTheNextOnes(t *testing.T) {
	r := newRig(t)
	r.sleeper("a")
	d := r.start()
	r.lists("^a +running")
	pid := r.runner("a")
	_ = d.Process.Kill()
	_ = d.Wait()
	r.lists(`no busd runs on .*\nNAME|\na +running`)
	if out := r.does(exitOK, "plugins", "list", "--json"); !strings.Contains(out, "no busd runs") || !strings.Contains(out, fmt.Sprintf(`"pid":%d`, pid)) {
		t.Errorf("without a busd: %s", out)
	}
	if out := r.does(exitError, "plugins", "restart", "a"); !strings.Contains(out, "start one with 'busd run'") {
		t.Errorf("without a busd: %s", out)
	}
	d = r.start()
	eventually(t, "it is adopted", func() bool { return strings.Contains(d.err.String(), "plugin adopted: plugin=a") })
	if again := r.runner("a"); again != pid {
		t.Errorf("pid %d, was %d", again, pid)
	}
	d.signal(syscall.SIGTERM)
	d.ends(exitOK)
}

func TestASecondBusdSaysWhoIsThere(t *testing.T) {
	r := newRig(t)
	d := r.start()
	r.lists("^NAME")
	out := r.does(exitError, "run")
	want := fmt.Sprintf(`there is a busd on this bus already: pid %d, since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d; it holds %s`, d.Process.Pid, r.place.Lock())
	if !regexp.MustCompile(want).MatchString(out) {
		t.Errorf("%s; want %s", out, want)
	}
	for content, want := range map[string]string{"": "nobody knows which", "x": "nobody", "-4\n": "nobody", strings.Repeat("1", 100): "nobody", "7\n": "pid 7, since"} {
		path := filepath.Join(t.TempDir(), "lock")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := holder(path); !strings.Contains(got, want) {
			t.Errorf("a lock with %q: %s", content, got)
		}
	}
}

func TestThereIsOneBusdForABusAndForAStateDirectory(t *testing.T) {
	r := newRig(t)
	d := r.start()
	r.lists("^NAME")
	r.write("elsewhere.toml", "state = \"elsewhere\"\n")
	elsewhere := []string{"--config", filepath.Join(r.top, "elsewhere.toml")}
	who := func() string { return fmt.Sprintf("pid %d, since ", d.Process.Pid) }
	lock := plugins.BusLock(filepath.Join(r.top, "bus"))
	if out := r.does(exitError, append(elsewhere, "run")...); !strings.Contains(out, "there is a busd on this bus already: "+who()) || !strings.Contains(out, "it holds "+lock) {
		t.Errorf("with another state directory: %s", out)
	}
	for _, args := range [][]string{{"plugins", "list"}, {"plugins", "stop", "a"}} {
		out := r.does(exitError, append(elsewhere, args...)...)
		if want := who(); !strings.Contains(out, want) || !strings.Contains(out, "has another state directory than "+r.top+"/elsewhere") {
			t.Errorf("%q: %s", args, out)
		}
	}
	d.signal(syscall.SIGTERM)
	d.ends(exitOK)

	d = r.start(elsewhere...) // now the other way round
	eventually(t, "it has begun", func() bool { return strings.Contains(d.err.String(), "busd begins") })
	if out := r.does(exitError, "run"); !strings.Contains(out, "there is a busd on this bus already: "+who()) {
		t.Errorf("with the usual state directory: %s", out)
	}
	if out := r.does(exitError, "plugins", "stop", "a"); !strings.Contains(out, "has another state directory than "+string(r.place)) {
		t.Errorf("with the usual state directory: %s", out)
	}
	p := r.command("run")
	p.Args = append(p.Args, elsewhere...)
	p.Args = append(p.Args, "--bus", filepath.Join(r.top, "another"))
	p.start()
	p.ends(exitError)
	if out := p.err.String(); !strings.Contains(out, "there is a busd with this state directory already: "+who()) {
		t.Errorf("on another bus: %s", out)
	}
	if err := os.Remove(lock); err != nil {
		t.Fatal(err)
	}
	d.ends(exitError)
	if out := d.err.String(); !strings.Contains(out, lock+" was removed; start busd again") {
		t.Errorf("its lock was removed: %s", out)
	}
}

func TestABusWithTheLockOfAnotherUserIsRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to give a directory to another user")
	}
	r := newRig(t)
	r.write("elsewhere.toml", "state = \"elsewhere\"\n")
	if err := os.MkdirAll(string(r.place), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(string(r.place), testproc.Nobody, testproc.Nobody); err != nil {
		t.Fatal(err)
	}
	out := r.does(exitError, "run", "--config", filepath.Join(r.top, "elsewhere.toml"))
	if want := string(r.place) + " is where the one busd of a bus has its lock, and cannot be used: if no busd of another user runs on "; !strings.Contains(out, want) {
		t.Errorf("%s; want %s", out, want)
	}
}

func TestBusdEndsWhenItsPlaceWasRemoved(t *testing.T) {
	r := newRig(t)
	r.sleeper("one")
	first := r.start()
	r.lists(`one +running`)
	runner := r.runner("one")
	if err := os.RemoveAll(filepath.Join(r.top, "bus")); err != nil {
		t.Fatal(err)
	}
	first.ends(1)
	if text := first.err.String(); !strings.Contains(text, "was removed; start busd again") {
		t.Errorf("it says %s", text)
	}
	eventually(t, "the plugin of the first has ended", func() bool { return now(runner).PID == 0 })
	next := r.start()
	r.lists(`one +running`)
	next.signal(syscall.SIGTERM)
	next.ends(0)
}

func TestASecondSignalEndsBusdAtOnceAndPluginsGoOn(t *testing.T) {
	t.Run("it ends busd", func(t *testing.T) { // by itself
		r := newRig(t)
		r.endsBySecond(r.command("run"), syscall.SIGTERM, -1)
	})
	t.Run("a script has it ignored", func(t *testing.T) {
		r := newRig(t)
		d := r.command("run")
		d.Args = append([]string{"sh", "-c", `trap '' INT; exec "$0" "$@"`}, d.Args...)
		d.Path = "/bin/sh"
		r.endsBySecond(d, syscall.SIGINT, 130)
	})
}

// endsBySecond starts a busd and sends it a signal again and again.
func (r *rig) endsBySecond(d *process, sig syscall.Signal, code int) {
	t := r.t
	t.Helper()
	r.sleeper("a")
	d.start()
	r.lists("^a +running")
	pid := r.runner("a")
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil { // so that it cannot stop
		t.Fatal(err)
	}
	d.signal(sig)
	eventually(t, "it stops its plugins", func() bool { return strings.Contains(d.err.String(), "told to stop") })
	ended := make(chan struct{})
	go func() { // again and again, as one that comes at once is the first one said twice
		tick := time.NewTicker(cli.SameWish / 5)
		defer tick.Stop()
		for {
			select {
			case <-ended:
				return
			case <-tick.C:
				_ = d.Process.Signal(sig)
			}
		}
	}()
	d.ends(code)
	close(ended)
	if now(pid).PID != pid {
		t.Error("the runner has ended")
	}
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the runner ends", func() bool { return now(pid).PID == 0 })
}

func TestTheServiceManagerIsTold(t *testing.T) {
	r := newRig(t)
	r.sleeper("a")
	path := filepath.Join(r.top, "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	d := r.command("run")
	d.Env = append(os.Environ(), plugins.EnvNotify+"="+path, plugins.EnvWatchdog+"=200000")
	d.start()
	// said waits for datagrams that have all of the lines between them.
	said := func(lines ...string) {
		t.Helper()
		_ = c.SetReadDeadline(time.Now().Add(patience))
		b := make([]byte, 4096)
		for _, want := range lines {
			re := regexp.MustCompile("(?m)^" + want + "$")
			for {
				n, err := c.Read(b)
				if err != nil {
					t.Fatalf("%s was not said: %v; %s", want, err, d.err.String())
				}
				if re.Match(b[:n]) {
					break
				}
			}
		}
	}
	said("READY=1", "WATCHDOG=1", "STATUS=plugins: 1 running", "WATCHDOG=1", "WATCHDOG=1")
	d.signal(syscall.SIGHUP)
	said(`RELOADING=1\nMONOTONIC_USEC=\d+`, "READY=1")
	env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", r.runner("a")))
	if err != nil || strings.Contains(string(env), path) || strings.Contains(string(env), plugins.EnvWatchdog+"=200000") {
		t.Errorf("the runner was told of busd's service manager: %q, %v", env, err)
	}
	d.signal(syscall.SIGTERM)
	said("STOPPING=1")
	d.ends(exitOK)
}

func TestWhatBusdLogsIsInItsFileAndOnTheBus(t *testing.T) {
	r := newRig(t)
	d := r.start("--log-json")
	r.lists("^NAME")
	b, err := bus.Open(filepath.Join(r.top, "bus"))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	first := func(topic string, v any) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		s, err := b.Subscribe(ctx, topic, bus.FromOldest(), bus.WaitForTopic())
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		f, err := s.Receive(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Release()
		switch v := v.(type) {
		case *plugins.LogEntry:
			*v, err = bus.Decode[plugins.LogEntry](f)
		case *plugins.Event:
			*v, err = bus.Decode[plugins.Event](f)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var l plugins.LogEntry
	if first(plugins.TopicLogs+"busd", &l); l.Msg != "busd begins" || l.Level != "info" || l.Fields["bus"] != filepath.Join(r.top, "bus") {
		t.Errorf("on the bus: %+v", l)
	}
	var e plugins.Event
	if first(plugins.TopicEvents, &e); e.Event != "busd-started" || e.PID != d.Process.Pid {
		t.Errorf("on the bus: %+v", e)
	}
	eventually(t, "it is on standard error", func() bool { return strings.Contains(d.err.String(), `"@message":"busd begins"`) })
	if out := r.does(exitOK, "plugins", "logs", "busd"); !strings.Contains(out, "[INFO]  busd: busd begins: bus="+filepath.Join(r.top, "bus")) {
		t.Errorf("the log: %s", out)
	}
}

func TestALogIsShownAndFollowed(t *testing.T) {
	r := newRig(t)
	nook := r.place.Plugin("a")
	if err := os.MkdirAll(string(nook), 0o700); err != nil {
		t.Fatal(err)
	}
	add := func(text string) {
		t.Helper()
		f, err := os.OpenFile(nook.Log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err == nil {
			_, err = f.WriteString(text)
		}
		if err = errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	setAside := func() {
		t.Helper()
		if err := os.Rename(nook.Log(), nook.Log()+".1"); err != nil {
			t.Fatal(err)
		}
	}
	add("one\ntwo\nthree\n")
	setAside()
	add("four\nfi")
	if out := r.does(exitOK, "plugins", "logs", "a", "-n", "2"); out != "three\nfour\n" {
		t.Errorf("the last two: %q", out)
	}
	if out := r.does(exitOK, "plugins", "logs", "a"); out != "one\ntwo\nthree\nfour\n" {
		t.Errorf("all: %q", out)
	}
	p := r.command("plugins", "logs", "a", "-f", "-n", "1")
	p.start()
	shows := func(want string) {
		t.Helper()
		eventually(t, "it shows "+want, func() bool { return p.out.String() == want })
	}
	shows("four\n")
	add("ve\n" + `{"@level":"warn","@message":"odd","@module":"a.x","@timestamp":"2026-01-02T03:04:05.678Z","id":1732804623123456789,"list":[18446744073709551615,0.10],"n":3,"s":"a b"}` + "\n{\"@message\":1}{}\n\x1b[2J\n")
	at := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC).Local().Format("2006-01-02T15:04:05.000Z0700")
	want := "four\nfive\n" + at + ` [WARN]  a.x: odd: id=1732804623123456789 list=[18446744073709551615,0.10] n=3 s="a b"` + "\n{\"@message\":1}{}\n [2J\n"
	shows(want)
	setAside()
	add("six\n")
	shows(want + "six\n")
	p.signal(syscall.SIGINT)
	p.ends(130)
	if out := r.does(exitError, "plugins", "logs", "b"); !strings.Contains(out, `no log of a plugin "b"`) {
		t.Errorf("no log: %s", out)
	}
}
