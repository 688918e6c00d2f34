//go:build unix

package bus_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"shmbus/bus"
)

func TestModesAreSetWhateverTheUmask(t *testing.T) {
	for _, umask := range []int{0o077, 0o000, 0o777, 0o022} {
		for _, c := range []struct{ dir, shared, lock fs.FileMode }{
			{0, 0o600, 0o600}, {0o700, 0o600, 0o600}, {0o750, 0o640, 0o600}, {0o770, 0o660, 0o660}, {0o777, 0o666, 0o666},
		} {
			b := newBus(t, bus.WithMode(c.dir), bus.WithGroup(os.Getgid()))
			old := syscall.Umask(umask)
			err := b.CreateTopic("t", bus.TopicOptions{Slots: 2})
			syscall.Umask(old)
			noError(t, err)
			want := map[string]fs.FileMode{"": c.dir, "main.seg": c.shared, "main.lease": c.lock, "bus.lock": c.lock}
			if c.dir == 0 {
				want[""] = 0o700
			}
			for name, mode := range want {
				i, err := os.Stat(filepath.Join(b.Dir(), name))
				noError(t, err)
				if i.Mode().Perm() != mode {
					t.Errorf("umask %03o, mode %03o: %q has %03o, want %03o", umask, c.dir, name, i.Mode().Perm(), mode)
				}
			}
		}
	}
}

func TestTheDefaultDirectoryIsTheVariables(t *testing.T) {
	dir := newDir(t)
	t.Setenv("SHMBUS_DIR", dir)
	b := openAt(t, "")
	if b.Dir() != dir {
		t.Errorf("the directory is %q, want %q", b.Dir(), dir)
	}
	publish(t, publisher(t, b, "t"), "x")
	if _, err := os.Stat(filepath.Join(dir, "main.seg")); err != nil {
		t.Error(err)
	}
}

func TestARelativeDirectoryStaysWhereItWas(t *testing.T) {
	dir := newDir(t)
	noError(t, os.MkdirAll(dir, 0o700))
	t.Chdir(dir)
	b := openAt(t, "x/../here/")
	noError(t, os.Chdir("/"))
	noError(t, b.CreateTopic("t", bus.TopicOptions{}))
	got, waits := follower(t, b, "later")
	<-waits
	publish(t, publisher(t, openAt(t, filepath.Join(dir, "here")), "later"), "x")
	wantFrame(t, got, "x")
}

// everyUse says what each way to use a bus on this directory answers.
func everyUse(t *testing.T, dir string) map[string]error {
	t.Helper()
	b := openAt(t, dir)
	all := map[string]error{}
	_, all["Publisher"] = b.Publisher("t")
	_, all["Subscribe"] = b.Subscribe(soon(t), "t", bus.WaitForTopic())
	_, all["Subscribe, tap"] = b.Subscribe(soon(t), "t", bus.ReadOnly())
	_, all["Stat"] = b.Stat("t")
	_, all["Topics"] = b.Topics()
	all["CreateTopic"] = b.CreateTopic("u", bus.TopicOptions{})
	all["RemoveTopic"] = b.RemoveTopic("t")
	return all
}

func TestFilesThatAreNoGoodSegmentsAreErrorsAndStayAsTheyAre(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(b []byte) []byte
		want  error
	}{
		"empty":                   {func(b []byte) []byte { return nil }, bus.ErrCorrupt},
		"garbage":                 {func(b []byte) []byte { return []byte(strings.Repeat("garbage ", 10000)) }, bus.ErrCorrupt},
		"cut in the head":         {func(b []byte) []byte { return b[:100] }, bus.ErrCorrupt},
		"cut short":               {func(b []byte) []byte { return b[:len(b)/2] }, bus.ErrCorrupt},
		"cut in the ring":         {func(b []byte) []byte { return b[:len(b)-4096] }, bus.ErrCorrupt},
		"another version":         {func(b []byte) []byte { b[8]++; return b }, bus.ErrVersion},
		"zeros behind the header": {func(b []byte) []byte { clear(b[8:]); return b }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			dir := newDir(t)
			b, err := bus.Open(dir)
			noError(t, err)
			noError(t, b.CreateTopic("t", bus.TopicOptions{}))
			noError(t, b.Close())
			path := filepath.Join(dir, "main.seg")
			data, err := os.ReadFile(path)
			noError(t, err)
			data = c.spoil(data)
			noError(t, os.WriteFile(path, data, 0o600))
			for use, err := range everyUse(t, dir) {
				if name == "cut in the ring" && (use == "CreateTopic" || use == "RemoveTopic") {
					continue // needs no more than the header, or takes the topic away
				}
				if err == nil {
					t.Errorf("%s: no error", use)
					continue
				}
				if c.want != nil {
					is(t, err, c.want, "main.seg")
				}
			}
			after, err := os.ReadFile(path)
			noError(t, err)
			if name != "cut in the ring" && string(after) != string(data) {
				t.Error("the file was changed")
			}
		})
	}
}

func TestACorruptTopicCanBeRemovedAndMadeAgain(t *testing.T) {
	dir := newDir(t)
	b, err := bus.Open(dir)
	noError(t, err)
	noError(t, b.CreateTopic("t", bus.TopicOptions{Slots: 64, MaxPublishers: 1, MaxSubscribers: 1}))
	st, err := b.Stat("t")
	noError(t, err)
	noError(t, b.Close())
	path := filepath.Join(dir, "main.seg")
	data, err := os.ReadFile(path)
	noError(t, err)
	clear(data[int64(len(data))-st.Memory:]) // the only topic, at the end
	noError(t, os.WriteFile(path, data, 0o600))

	b = openAt(t, dir)
	_, err = b.Publisher("t")
	is(t, err, bus.ErrCorrupt, `"t"`)
	_, err = b.Subscribe(soon(t), "t", bus.WaitForTopic())
	is(t, err, bus.ErrCorrupt, `"t"`)
	_, err = b.Stat("t")
	is(t, err, bus.ErrCorrupt, `"t"`)
	noError(t, b.RemoveTopic("t"))
	s := func() *bus.Subscriber {
		noError(t, b.CreateTopic("t", bus.TopicOptions{}))
		return subscribe(t, b, "t")
	}()
	publish(t, publisher(t, b, "t"), "x")
	expect(t, s, "x")
}

func TestATapNeedsNoMoreThanPermissionToRead(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t")
	before := map[string]time.Time{}
	for _, name := range []string{"main.lease", "bus.lock"} {
		noError(t, os.Chmod(filepath.Join(b.Dir(), name), 0))
		before[name] = time.Now()
	}
	noError(t, os.Chmod(filepath.Join(b.Dir(), "main.seg"), 0o400))
	for _, bell := range []fs.FileMode{0o600, 0o400, 0} {
		noError(t, os.Chmod(filepath.Join(b.Dir(), "main.bell"), bell))
		tap := subscribe(t, openAt(t, b.Dir()), "t", bus.ReadOnly())
		got := make(chan error, 1)
		go func() {
			f, err := tap.Receive(soon(t))
			if err == nil {
				f.Release()
			}
			got <- err
		}()
		pause(10 * time.Millisecond)
		publish(t, p, "x")
		noError(t, <-got)
	}
	if os.Geteuid() == 0 {
		t.Log("run by root, who may do everything: what a tap may not do was not seen")
		return
	}
	_, err := openAt(t, b.Dir()).Subscribe(soon(t), "t")
	is(t, err, fs.ErrPermission, `"t"`, "ReadOnly")
}
