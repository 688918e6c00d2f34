package exec

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	osuser "os/user"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

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
	why := CheckReach(w.spec)
	if why == nil {
		t.Fatal("it is not told before")
	}
	w.start()
	has(t, w.end(), "user nobody may not reach "+dir, "set dir", strings.TrimPrefix(why.Error(), "user: "))
}

func TestWhatAUserMayReachIsNoProblem(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to run a plugin as another user")
	}
	dir := testproc.MemoryDir(t)
	manifest := "contract = \"bus\"\nuser = \"nobody\"\ncommand = [\"sh\", \"-c\", \"pwd >&2\"]\n" + quick + "tries = 1\n"
	reach := func(why string) {
		t.Helper()
		w := newWorldIn(t, dir, manifest)
		if err := CheckReach(w.spec); err != nil {
			t.Errorf("%s: %v", why, err)
		}
		w.start()
		if got := w.end(); got != "<nil>" {
			t.Errorf("%s: %s", why, got)
		}
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	reach("others are let through")
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	acl := binary.LittleEndian.AppendUint32(nil, 2) // the version
	for _, e := range []struct {
		tag, perm uint16
		id        uint32
	}{{1, 7, 1<<32 - 1}, {2, 1, testproc.Nobody}, {4, 0, 1<<32 - 1}, {16, 1, 1<<32 - 1}, {32, 0, 1<<32 - 1}} { // owner, nobody, group, mask, others
		acl = binary.LittleEndian.AppendUint16(acl, e.tag)
		acl = binary.LittleEndian.AppendUint16(acl, e.perm)
		acl = binary.LittleEndian.AppendUint32(acl, e.id)
	}
	if err := unix.Setxattr(dir, aclAttr, acl, 0); err != nil {
		t.Skip("needs access control lists: ", err)
	}
	reach("nobody is let through")
}

func init() {
	// run as itself runs a plugin of its own user, in a bus directory that it makes, and tells what the plugin says.
	helpers["run as itself"] = func(p *testproc.Peer) error {
		dir := p.Arg(0)
		m, err := plugins.ParseManifest("contract = \"bus\"\nuser = \""+p.Arg(1)+"\"\ncommand = [\"sh\", \"-c\", \"echo $(id -u) $(id -G) $USER $LOGNAME $HOME >said\"]\n[restart]\npolicy = \"never\"", dir)
		if err != nil {
			return err
		}
		at := filepath.Join(dir, "bus")
		spec := &plugins.Spec{Manifest: *m, Name: "p", Bus: at, Place: plugins.PlaceOf(at), Hash: "hash"}
		nook := spec.Place.Plugin(spec.Name)
		if err := os.MkdirAll(string(nook), 0o700); err != nil {
			return err
		}
		if err := plugins.WriteJSON(nook.Spec(), spec); err != nil {
			return err
		}
		err = Run(context.Background(), nook.Spec())
		said, _ := os.ReadFile(filepath.Join(dir, "said"))
		p.Say("%v, %s", err, bytes.TrimSpace(said))
		return nil
	}
}

// asNobody runs a plugin of that user under a runner of nobody's, and returns how that ended.
func asNobody(t *testing.T, user string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to be nobody")
	}
	dir := testproc.MemoryDir(t)
	if err := os.Chown(dir, testproc.Nobody, testproc.Nobody); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", "/busd's")
	p := testproc.StartAs(t, testproc.Nobody, "run as itself", dir, user)
	defer p.Wait()
	return p.Line()
}

func TestOnlyRootRunsPluginsAsOthers(t *testing.T) {
	has(t, asNobody(t, "root"), `user: "root": only root can run a plugin as another user`)
}

func TestWhoIsNotRootRunsPluginsAsItself(t *testing.T) {
	nobody, err := osuser.LookupId("65534")
	if err != nil {
		t.Skip("needs a user 65534: ", err)
	}
	for _, name := range []string{nobody.Username, nobody.Uid} {
		want := strings.Join([]string{"<nil>, 65534 65534", nobody.Username, nobody.Username, nobody.HomeDir}, " ")
		if got := asNobody(t, name); got != want {
			t.Errorf("user = %q: %s, want %s", name, got, want)
		}
	}
}
