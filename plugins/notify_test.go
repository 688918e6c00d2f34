package plugins

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestNoticesAreReadAsSdNotifyHasThem(t *testing.T) {
	for datagram, want := range map[string]Notice{
		"":                                   {},
		"READY=1":                            {Ready: true},
		"READY=1\n":                          {Ready: true},
		"READY=0":                            {},
		"READY=11":                           {},
		" READY=1":                           {},
		"STATUS=a=b\nREADY=1\nWATCHDOG=1\n":  {Ready: true, Watchdog: true, Status: "a=b"},
		"WATCHDOG=trigger":                   {Trigger: true},
		"STOPPING=1\nX_OTHER=2\nRELOADING=1": {Stopping: true},
		"MAINPID=12\nREADY":                  {MainPID: "12"},
		"STATUS=a\nSTATUS=b":                 {Status: "b"},
		"STATUS=a\xffb\x1b[31m\tc\x7f\u0085": {Status: "a?b?[31m?c??"},
		"\n\n=\n=1\n\x00":                    {},
	} {
		if got := ParseNotice([]byte(datagram)); got != want {
			t.Errorf("%q: %+v, want %+v", datagram, got, want)
		}
	}
	if s := ParseNotice([]byte("STATUS=" + strings.Repeat("é", 1000))).Status; len(s) > MaxStatus || !utf8.ValidString(s) {
		t.Errorf("a status of %d bytes", len(s))
	}
}

func TestANoticeArrives(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no datagrams on Unix sockets")
	}
	dir, err := os.MkdirTemp("", "notify") // a short path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	names := []string{filepath.Join(dir, "n")}
	if runtime.GOOS == "linux" {
		names = append(names, "@shmbus-"+filepath.Base(dir))
	}
	for _, name := range names {
		c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv(EnvNotify, name)
		if err := Notify("READY=1\nSTATUS=x"); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 100)
		n, err := c.Read(b)
		if err != nil || string(b[:n]) != "READY=1\nSTATUS=x" {
			t.Errorf("%q, %v", b[:n], err)
		}
		c.Close()
		if err := Notify("READY=1"); err == nil || !strings.Contains(err.Error(), EnvNotify) {
			t.Errorf("nobody listens: %v", err)
		}
	}
	t.Setenv(EnvNotify, "")
	if err := Notify("READY=1"); err != nil {
		t.Errorf("without a socket: %v", err)
	}
}

func FuzzNotice(f *testing.F) {
	f.Add([]byte("READY=1\nSTATUS=a\xff\nMAINPID=1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		n := ParseNotice(b)
		if len(n.Status) > MaxStatus || !utf8.ValidString(n.Status) || strings.ContainsAny(n.Status, "\n\r\x1b\x00") {
			t.Errorf("%q", n.Status)
		}
	})
}
