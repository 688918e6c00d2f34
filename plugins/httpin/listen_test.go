//go:build linux

package httpin

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"shmbus/plugins/plugintest"
)

func TestTheSocketIsForItsOwner(t *testing.T) {
	for mode, want := range map[string]os.FileMode{"": 0o600, `,"mode":"0660"`: 0o660} {
		s := serve(t, `,"topics":["a"]`+mode)
		info, err := os.Stat(s.socket)
		if err != nil || info.Mode().Perm() != want || info.Mode()&os.ModeSocket == 0 {
			t.Errorf("%v, %v", info.Mode(), err)
		}
		if err := plugintest.Run(t, Run, fmt.Sprintf(`{"socket":%q,"topics":["a"]}`, s.socket)); err == nil || !strings.Contains(err.Error(), "somebody listens") {
			t.Errorf("a second one: %v", err)
		}
		s.Stop()
	}
}

func TestTheLongestPathOfASocketCanBeUsed(t *testing.T) {
	if longestSocket != 103 {
		t.Errorf("the documentation says 103, and it is %d", longestSocket)
	}
	path := filepath.Join(plugintest.NewDir(t), "s")
	path += strings.Repeat("s", longestSocket-len(path))
	for long, ok := range map[string]bool{path: true, path + "s": false} {
		c := Defaults
		c.Socket, c.Topics = long, []string{"a"}
		if err := c.Check(nil); (err == nil) != ok {
			t.Errorf("%d bytes: %v", len(long), err)
		}
	}
	h := plugintest.Start(t, Run, fmt.Sprintf(`{"socket":%q,"topics":["a"]}`, path))
	h.Ready()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	h.Stop()
}

func TestASocketThatNobodyListensOnIsReplaced(t *testing.T) {
	path := filepath.Join(plugintest.NewDir(t), "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	h := plugintest.Start(t, Run, fmt.Sprintf(`{"socket":%q,"topics":["a"]}`, path))
	h.Ready()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	h.Stop() // also while somebody is connected
}

func TestItFailsWhenItsSocketIsRemoved(t *testing.T) {
	path := filepath.Join(plugintest.NewDir(t), "s")
	h := plugintest.Start(t, Run, fmt.Sprintf(`{"socket":%q,"topics":["a"]}`, path))
	h.Ready()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := h.Wait(); err == nil || !strings.Contains(err.Error(), "the socket was removed") {
		t.Errorf("%v", err)
	}
}

func TestALoopbackAddressIsForThisMachinesPrograms(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Skip("no loopback here: ", err)
	}
	address := l.Addr().String()
	l.Close()
	h := plugintest.Start(t, Run, fmt.Sprintf(`{"address":%q,"topics":["a"]}`, address))
	h.Ready()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]int{"": 204, "localhost": 204, "LOCALHOST:" + port: 204, "[::1]": 204, "evil.example": 403, "evil.example:" + port: 403, "127.0.0.1.evil.example": 403} {
		r, err := http.NewRequest("POST", "http://"+address+"/a", strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		a.Body.Close()
		if a.StatusCode != want {
			t.Errorf("Host %q: %d, want %d", host, a.StatusCode, want)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	h.Stop()
}

func TestAConfigThatMakesNoSenseIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for config, want := range map[string]string{
		`{"topics":["a"]}`: "one of socket and address",
		`{"topics":["a"],"socket":"s","address":"127.0.0.1:0"}`: "one of socket and address",
		`{"socket":"s"}`:                                                           "which may be posted to",
		`{"topics":["a//b"],"socket":"s"}`:                                         "bad topic name",
		`{"topics":["a","$bus/**"],"socket":"s"}`:                                  "busd's",
		`{"topics":["a"],"address":"0.0.0.0:8080"}`:                                "a loopback address",
		`{"topics":["a"],"address":"192.168.0.1:8080"}`:                            "a loopback address",
		`{"topics":["a"],"address":":8080"}`:                                       "a loopback address",
		`{"topics":["a"],"address":"localhost:8080"}`:                              "a loopback address",
		`{"topics":["a"],"socket":"` + strings.Repeat("s", longestSocket+1) + `"}`: fmt.Sprintf("at most %d", longestSocket),
		`{"topics":["a"],"socket":"s","mode":"rw"}`:                                "in octal",
		`{"topics":["a"],"socket":"/none/s"}`:                                      "config.socket: ",
		`{"topics":["a"],"socket":"` + file + `"}`:                                 "is no socket",
		`{"topics":["a"],"socket":"s","json":"xml"}`:                               "raw and msgpack",
		`{"topics":["a"],"socket":"s","max":"2GiB"}`:                               "at most 1GiB",
		`{"topics":["a"],"socket":"s","max-topics":0}`:                             "at least 1",
		`{"topics":["a"],"socket":"s","wait":"0s"}`:                                "from 1ms",
		`{"topics":["a"],"socket":"s","listen":"127.0.0.1:0"}`:                     `config.listen: there is no such key`,
	} {
		if err := plugintest.Run(t, Run, config); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", config, err, want)
		}
	}
}
