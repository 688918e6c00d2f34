package main

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"
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
