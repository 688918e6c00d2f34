package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestABusdThatIsSuspendedIsToldOfSoon(t *testing.T) {
	r := newRig(t)
	r.sleeper("a")
	d := r.start()
	r.lists("^a +running")
	d.signal(syscall.SIGSTOP)
	for _, args := range [][]string{{"list"}, {"start", "a"}, {"restart", "a"}, {"stop", "a"}} {
		begin := time.Now()
		out := r.does(exitError, append([]string{"plugins"}, args...)...)
		if want := fmt.Sprintf("busd (pid %d) does not answer: it is suspended", d.Process.Pid); !strings.Contains(out, want) {
			t.Errorf("%q: %s; want %s", args, out, want)
		}
		if want := fmt.Sprintf("'kill -CONT %d'", d.Process.Pid); !strings.Contains(out, want) {
			t.Errorf("%q: %s; want %s", args, out, want)
		}
		if took := time.Since(begin); took > patience {
			t.Errorf("%q took %v", args, took)
		}
	}
	d.signal(syscall.SIGCONT)
	r.lists("^a +running") // what nobody waits for any more is not done
	r.does(exitOK, "plugins", "stop", "a")
	d.signal(syscall.SIGTERM)
	d.ends(exitOK)
}

func TestAPluginThatEndsSlowlyIsWaitedFor(t *testing.T) {
	r := newRig(t)
	r.write("plugins/a.toml", `contract = "bus"
command = ["sh", "-c", "trap '' TERM; echo deaf >&2; sleep 600"]
grace = "6s"
`)
	d := r.start()
	eventually(t, "it is deaf", func() bool {
		p := r.command("plugins", "logs", "a")
		p.start()
		_ = p.Wait()
		return strings.Contains(p.out.String(), "deaf")
	})
	begin := time.Now()
	if out := r.does(exitOK, "plugins", "stop", "a"); !strings.Contains(out, "a: stopped") {
		t.Errorf("it says %s", out)
	}
	if took := time.Since(begin); took < 5*time.Second {
		t.Errorf("it took %v: the plugin was not deaf", took)
	}
	d.signal(syscall.SIGTERM)
	d.ends(exitOK)
}

func TestAStandardErrorThatNobodyReadsHoldsNothingUp(t *testing.T) {
	r := newRig(t)
	r.sleeper("a")
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	defer write.Close()
	fd := int(write.Fd())
	if err := syscall.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	for err == nil { // until it is full
		_, err = syscall.Write(fd, make([]byte, 4096))
	}
	if err := syscall.SetNonblock(fd, false); err != nil {
		t.Fatal(err)
	}
	d := r.command("run")
	d.Stderr = write
	d.start()
	r.lists("^a +running")
	r.does(exitOK, "plugins", "restart", "a")
	d.signal(syscall.SIGTERM)
	d.ends(exitOK)
}
