package exec

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"shmbus/internal/testproc"
	"shmbus/plugins"
)

func init() {
	// notifier says by sd_notify what SAY says, with a comma between the messages, and lives on.
	helpers["notifier"] = func(*testproc.Peer) error {
		for _, s := range strings.Split(os.Getenv("SAY"), ",") {
			if err := plugins.Notify(s); err != nil {
				return err
			}
		}
		select {}
	}
	// barrier waits, as systemd-notify does, until what it has said was heard, and is ready then.
	helpers["barrier"] = func(*testproc.Peer) error {
		r, w, err := os.Pipe()
		if err != nil {
			return err
		}
		s, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
		if err != nil {
			return err
		}
		to := &unix.SockaddrUnix{Name: os.Getenv("NOTIFY_SOCKET")}
		if err := unix.Sendmsg(s, []byte("BARRIER=1"), unix.UnixRights(int(w.Fd())), to, 0); err != nil {
			return err
		}
		w.Close()
		if _, err := r.Read(make([]byte, 1)); err != io.EOF {
			return fmt.Errorf("the barrier: %w", err)
		}
		if err := plugins.Notify("READY=1"); err != nil {
			return err
		}
		select {}
	}
	// alive says WATCHDOG=1 often enough for a while, and then hangs.
	helpers["alive"] = func(*testproc.Peer) error {
		for range 10 {
			if err := plugins.Notify("WATCHDOG=1"); err != nil {
				return err
			}
			time.Sleep(100 * time.Millisecond) // not synchronisation: it says that it lives, again and again
		}
		select {}
	}
}

func says(t *testing.T, what string) string {
	return "contract = \"bus\"\n" + strings.Replace(helper(t, "notifier"), "env = {", fmt.Sprintf("env = { SAY = %q,", what), 1)
}

func TestAPluginIsReadyWhenItSaysSo(t *testing.T) {
	w := newWorld(t, says(t, "STATUS=loading,READY=1\nSTATUS=loaded")+"notify = true\n")
	w.start()
	w.until("its status", func(s plugins.State) bool { return s.Phase == plugins.Running && s.Status == "loaded" })
	w.event(Ready)
}

func TestAPluginThatDoesNotSayThatItIsReadyIsEnded(t *testing.T) {
	w := newWorld(t, says(t, "STATUS=loading")+"notify = true\nready = \"100ms\"\n"+quick+"tries = 1\n")
	w.start()
	has(t, w.end(), "not ready within 100ms", "READY=1")
	w.told(Started, NotReady, Exited, GivenUp)
}

func TestAPluginMayWaitUntilItWasHeard(t *testing.T) {
	w := newWorld(t, "contract = \"bus\"\nnotify = true\n"+helper(t, "barrier"))
	w.start()
	w.phase(plugins.Running)
}

func needsPython(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("needs python3")
	}
}

func TestAShellScriptCanSayThatItIsReady(t *testing.T) {
	needsPython(t)
	dir := script(t, "it", `echo shmbus-plugin 1 bus
python3 -c 'import os, socket; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])'
exec sleep 1000
`)
	w := newWorldIn(t, dir, "executable = \"it\"\nnotify = true\n")
	w.start()
	w.phase(plugins.Running)
}

func TestAPluginThatHangsIsStartedAgain(t *testing.T) {
	w := newWorld(t, "contract = \"bus\"\nwatchdog = \"5s\"\n"+says(t, "WATCHDOG=trigger")[len("contract = \"bus\"\n"):]+quick+"tries = 2\n")
	w.start()
	has(t, w.end(), "WATCHDOG=trigger")
	w.told(Started, Ready, Watchdog, Exited, GivenUp)
}

func TestAPluginThatNoLongerSaysThatItLivesIsStartedAgain(t *testing.T) {
	w := newWorld(t, "contract = \"bus\"\nwatchdog = \"1500ms\"\n"+helper(t, "alive")+quick+"tries = 1\n")
	began := time.Now()
	w.start()
	has(t, w.end(), "WATCHDOG=1 within 1.5s")
	if d := time.Since(began); d < 2400*time.Millisecond {
		t.Errorf("it was ended after %v, though it had said until 900ms that it lives", d)
	}
	w.told(Started, Ready, Watchdog, Exited, GivenUp)
}

func TestOthersDoNotSpeakForAPlugin(t *testing.T) {
	w := newWorld(t, "contract = \"bus\"\nnotify = true\ncommand = [\"sleep\", \"1000\"]\n")
	w.start()
	w.event(Started)
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: w.nook.Notify(), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("READY=1\nSTATUS=taken over")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a word in the log", func() bool {
		log, _ := os.ReadFile(w.nook.Log())
		return strings.Contains(string(log), "not listened to")
	})
	if s := w.state(); s.Phase != plugins.Starting || s.Status != "" {
		t.Errorf("%+v", s)
	}
	if i, err := os.Stat(w.nook.Notify()); err != nil || i.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", i, err)
	}
}

func TestAPathTooLongForASocketIsToldOf(t *testing.T) {
	w := newWorld(t, "contract = \"bus\"\ncommand = [\"sleep\", \"1000\"]\n"+quick+"tries = 1\n")
	w.spec.Place += plugins.Place("/" + strings.Repeat("x", 100))
	w.nook = w.spec.Place.Plugin("p")
	if err := os.MkdirAll(string(w.nook), 0o700); err != nil {
		t.Fatal(err)
	}
	w.start()
	has(t, w.end(), "NOTIFY_SOCKET", "shorter path")
}
