package main

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestLsIsRedrawnOnATerminal in the same place, no wider and no longer than that is.
func TestLsIsRedrawnOnATerminal(t *testing.T) {
	master, slave := openTerminal(t)
	if err := unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 4, Col: 30}); err != nil {
		t.Fatal(err)
	}
	b := openBus(t)
	for _, topic := range []string{"one", "three", "two"} {
		if p, err := b.Publisher(topic); err != nil {
			t.Fatal(err)
		} else if err := p.TryPublish([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	ls := command(t, b.Dir(), "ls", "--watch=5ms")
	ls.Stdout = slave
	ls.start()
	slave.Close()
	var out lockedBuffer
	go func() {
		buf := make([]byte, 1000)
		for {
			n, err := master.Read(buf)
			_, _ = out.Write(buf[:n])
			if err != nil {
				return
			}
		}
	}()
	eventually(t, "it is drawn three times", func() bool { return strings.Count(out.String(), cursorHome) > 3 })
	_ = ls.Process.Signal(unix.SIGINT)
	if _ = ls.Wait(); !ls.ProcessState.Exited() {
		t.Errorf("it did not end by itself: %v", ls.ProcessState)
	}
	screens := strings.Split(out.String(), cursorHome)
	if !strings.HasPrefix(screens[1], "\x1b[2J") || strings.Count(out.String(), "\x1b[2J") != 1 {
		t.Errorf("it is not cleared once, at the start: %q", screens[1])
	}
	for _, s := range screens[1:3] {
		s, _ = strings.CutPrefix(s, "\x1b[2J")
		lines := strings.Split(s, "\r\n")
		if len(lines) != 4 || lines[3] != clearBelow || !strings.HasPrefix(lines[0], "NAME   POLICY") || !strings.HasPrefix(lines[2], "three  overwrite") {
			t.Fatalf("%q", lines)
		}
		for _, l := range lines[:3] {
			if text, ok := strings.CutSuffix(l, clearLine); !ok || len([]rune(text)) > 30 {
				t.Errorf("%q", l)
			}
		}
	}
}
