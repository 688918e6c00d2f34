package plugins

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestAStateIsTheSameAfterJSON(t *testing.T) {
	now := time.Now().Round(0)
	want := State{
		Name: "x", Hash: "h", Runner: Process{1, 2, "b"}, Plugin: Process{3, 1 << 63, "b"}, Phase: Backoff, Since: now, Contract: Lines, Grace: Duration(time.Second),
		Status: "s", Problem: "p\nq", Restarts: 1, Tries: 2, Next: now.Add(time.Second), Frames: 1<<64 - 1, Bytes: 4, Dropped: 5,
	}
	path := filepath.Join(t.TempDir(), "state.json")
	for range 2 { // the second takes the place of the first
		if err := WriteJSON(path, want); err != nil {
			t.Fatal(err)
		}
	}
	var got State
	if err := ReadJSON(path, &got); err != nil {
		t.Fatal(err)
	}
	if !got.Since.Equal(want.Since) || !got.Next.Equal(want.Next) {
		t.Errorf("times %v and %v", got.Since, got.Next)
	}
	got.Since, got.Next = want.Since, want.Next // another *time.Location
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(files) != 1 {
		t.Errorf("%v, %v", files, err)
	}
	info, err := os.Stat(path)
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestAFileThatCannotBeWrittenFailsTheSameWayEachTime(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "d", "in"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(dir, "nowhere", "x"), filepath.Join(dir, "d")} {
		first, second := WriteJSON(path, 1), WriteJSON(path, 1)
		if first == nil || second == nil || first.Error() != second.Error() || !strings.HasPrefix(first.Error(), "write "+path+": ") {
			t.Errorf("%v, and then %v", first, second)
		}
	}
}

func TestAFileThatCannotBeWrittenLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	if err := WriteJSON(filepath.Join(dir, "x"), func() {}); err == nil {
		t.Error("a function is JSON")
	}
	if err := os.MkdirAll(filepath.Join(dir, "d", "in"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := WriteJSON(filepath.Join(dir, "d"), 1); err == nil {
		t.Error("a directory was replaced")
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Errorf("%v, %v", files, err)
	}
}

func TestFilesThatAreNoJSONAreNamed(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"empty": "", "half": `{"name":"x"`, "long": strings.Repeat(" ", MaxJSON+1)} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := ReadJSON(path, &State{}); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := ReadJSON(filepath.Join(dir, "none"), &State{}); !os.IsNotExist(err) {
		t.Error(err)
	}
}

func TestEachNameOfAPluginFitsWhereABusIsByDefault(t *testing.T) {
	longest := PlaceOf(fmt.Sprintf("/dev/shm/shmbus-%d", uint32(math.MaxUint32))).Plugin(strings.Repeat("x", 64))
	if err := longest.CheckNotify(); err != nil {
		t.Error(err)
	}
	if err := PlaceOf("/dev/shm/shmbus-42949672950").Plugin(strings.Repeat("x", 64)).CheckNotify(); err == nil {
		t.Error("one more byte fits, too")
	}
}

func TestWhereThingsAre(t *testing.T) {
	p := PlaceOf("/b")
	n := p.Plugin("x")
	for got, want := range map[string]string{
		p.Lock(): "busd.lock", p.Control(): "control.sock", p.Web(): "web.sock", p.Log(): "busd.log", p.Plugins(): "plugins", n.Lock(): "plugins/x/lock",
		n.Spec(): "plugins/x/spec.json", n.State(): "plugins/x/state.json", n.Notify(): "plugins/x/n", n.Log(): "plugins/x/log", n.RunnerLog(): "plugins/x/runner.log",
	} {
		if got != filepath.FromSlash("/b/.busd/"+want) {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
