package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"shmbus/bus"
)

// openTerminal opens a pseudo terminal.
func openTerminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprint("/dev/pts/", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { slave.Close() })
	return master, slave
}

// The command has no controlling terminal, or not this one, so that no SIGHUP tells it.
func TestATerminalThatGoesAwayEndsATapThatWaits(t *testing.T) {
	b := openBus(t)
	for _, args := range [][]string{{"none"}, {"*"}, {"--lossless", "none"}} {
		master, slave := openTerminal(t)
		c := command(t, b.Dir(), append([]string{"tap"}, args...)...)
		c.Stdout = slave
		c.start()
		slave.Close()
		c.says("waiting for topic")
		master.Close()
		c.ends(0)
	}
}

// TestAStoppedTerminalDoesNotHoldUpTheEndOfARecording: who presses Ctrl-S there, and ends it from elsewhere, has the file all the same.
func TestAStoppedTerminalDoesNotHoldUpTheEndOfARecording(t *testing.T) {
	b := openBus(t)
	p := publisher(t, b, "t", bus.TopicOptions{Policy: bus.PolicyLossless})
	master, slave := openTerminal(t)
	path := filepath.Join(t.TempDir(), "a.mcap")
	c := command(t, b.Dir(), "record", "--lossless", "-o", path, "t")
	c.Stderr = slave
	c.start()
	eventually(t, "it records", func() bool {
		st, err := b.Stat("t")
		return err == nil && len(st.SubscriberList) == 1
	})
	if err := p.TryPublish([]byte("1")); err != nil {
		t.Fatal(err)
	}
	shown := make([]byte, 4096)
	for told := ""; !strings.Contains(told, "1 frame of 1 topic"); {
		n, err := master.Read(shown)
		if err != nil {
			t.Fatal(err)
		}
		told += string(shown[:n])
	}
	if err := unix.IoctlSetInt(int(slave.Fd()), unix.TCXONC, unix.TCOOFF); err != nil {
		t.Fatal(err)
	}
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	c.ends(128 + int(syscall.SIGTERM))
	if got, s := readRecording(t, path); len(got) != 1 || !s.Closed {
		t.Errorf("recorded is %q: %+v", got, s)
	}
}
