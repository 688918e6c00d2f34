package exec

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"shmbus/bus"
	"shmbus/internal/testproc"
	"shmbus/plugins"
)

func TestAPluginRunsAsItsUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to run a plugin as another user")
	}
	needsPython(t)
	w := newWorld(t, `contract = "lines"
topic = "t"
user = "nobody"
dir = "/"
notify = true
command = ["sh", "-c", "id -u; echo $USER; python3 -c 'import os, socket; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b\"READY=1\", os.environ[\"NOTIFY_SOCKET\"])'; sleep 1000"]`)
	for dir := string(w.nook); dir != "/dev/shm"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	s := w.lossless("t", bus.TopicOptions{})
	w.start()
	w.expect(s, "65534", "nobody")
	w.phase(plugins.Running)
}

func TestAUserWhoCannotReachTheSocketIsToldOf(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to run a plugin as another user")
	}
	w := newWorld(t, "contract = \"bus\"\nuser = \"nobody\"\ndir = \"/\"\nnotify = true\nready = \"100ms\"\ncommand = [\"sleep\", \"1000\"]\n"+quick+"tries = 1\n")
	w.start()
	has(t, w.end(), "not ready", "nobody may not reach", filepath.Dir(w.spec.Bus))
}

func TestAUserWhoCannotReachThePluginDirectoryIsToldOf(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to run a plugin as another user")
	}
	dir := filepath.Join(t.TempDir(), "plugins")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	w := newWorldIn(t, dir, "contract = \"bus\"\nuser = \"nobody\"\ncommand = [\"sleep\", \"1000\"]\n"+quick+"tries = 1\n")
	w.start()
	has(t, w.end(), "user nobody may not reach "+dir, "set dir")
}

func init() {
	helpers["find a user"] = func(p *testproc.Peer) error {
		_, err := findUser("nobody")
		p.Say("%v", err)
		return nil
	}
}

func TestOnlyRootRunsPluginsAsOthers(t *testing.T) {
	const want = `user: "nobody": only root can run a plugin as another user`
	p := testproc.StartAs(t, testproc.Nobody, "find a user")
	if got := p.Line(); !strings.HasPrefix(got, want) {
		t.Errorf("%s, want %s", got, want)
	}
	p.Wait()
}
