package bus_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"shmbus/bus"
	"shmbus/segment"
)

// says fails unless the text of err has all the words.
func says(t *testing.T, what string, err error, words ...string) {
	t.Helper()
	for _, w := range words {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("%s: error %v does not say %q", what, err, w)
		}
	}
}

// filled is a bus directory with a topic of three frames, and nobody on it.
func filled(t *testing.T, dir string) {
	t.Helper()
	b, err := bus.Open(dir)
	noError(t, err)
	publish(t, publisher(t, b, "t", lossless), "a", "b", "c")
	noError(t, b.Close())
}

func TestABellFileThatShrinksIsAnErrorAndNotAFault(t *testing.T) {
	needsTheMachine(t, "qemu-user does not say where a memory fault was")
	for _, mode := range readerModes {
		dir := newDir(t)
		filled(t, dir)
		b := openAt(t, dir)
		p := publisher(t, b, "t")
		s := subscribe(t, b, "t", append([]bus.SubscribeOption{bus.Block()}, mode.opts...)...)
		noError(t, os.Truncate(filepath.Join(dir, "main.bell"), 0))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		_, err := s.Receive(ctx)
		cancel()
		says(t, mode.name+", Receive", err, "main.bell", "cut short", "remove the segment's files")
		says(t, mode.name+", Publish", p.Publish(soon(t), nil), "main.", "cut short", "remove the segment's files")
		_, err = openAt(t, dir).Publisher("t")
		is(t, err, bus.ErrCorrupt, "main.bell", "has 0 bytes of", "remove the segment's files")
		_, err = b.Subscribe(soon(t), "none", bus.WaitForTopic())
		is(t, err, bus.ErrCorrupt, "main.bell")
	}
}

func TestALeaseFileThatShrinksIsAnErrorOnlyForThoseWhoOpenIt(t *testing.T) {
	dir := newDir(t)
	filled(t, dir)
	old := openAt(t, dir)
	p, s := publisher(t, old, "t"), subscribe(t, old, "t", bus.Lossless(), bus.FromOldest())
	noError(t, os.Truncate(filepath.Join(dir, "main.lease"), 0))
	_, err := openAt(t, dir).Publisher("t")
	is(t, err, bus.ErrCorrupt, "main.lease", "has 0 bytes of 64", "remove the segment's files")
	publish(t, p, "d")
	expect(t, s, "a", "b", "c", "d")
}

func TestASegmentOfAnotherVersionIsLeftAlone(t *testing.T) {
	for _, name := range []string{"main.seg", "main.bell", "main.lease"} {
		dir := newDir(t)
		filled(t, dir)
		path := filepath.Join(dir, name)
		data, err := os.ReadFile(path)
		noError(t, err)
		data[8] = 9
		noError(t, os.WriteFile(path, data, 0o600))
		_, err = openAt(t, dir).Publisher("t")
		is(t, err, bus.ErrVersion, name, "layout version", "is 9, this program knows", "or upgrade them")
		err = openAt(t, dir).CreateTopic("u", bus.TopicOptions{})
		is(t, err, bus.ErrVersion, name)
		after, err := os.ReadFile(path)
		noError(t, err)
		if string(after) != string(data) {
			t.Errorf("%s was changed", name)
		}
	}
}

// smallTmpfs is a place for a bus in a tmpfs of that many bytes.
func smallTmpfs(t *testing.T, size int) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, to mount a small tmpfs")
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		t.Skipf("needs to mount a small tmpfs: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return filepath.Join(dir, "bus")
}

func TestOnAFileSystemMountedReadOnlyABusCanBeLookedAt(t *testing.T) {
	dir := smallTmpfs(t, 4<<20)
	b := openAt(t, dir)
	p := publisher(t, b, "t")
	publish(t, p, "x")
	noError(t, errors.Join(p.Close(), b.Close())) // both: the kernel refuses to remount what is open for writing
	noError(t, unix.Mount("", filepath.Dir(dir), "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))

	b = openAt(t, dir)
	tap := subscribe(t, b, "t", bus.ReadOnly(), bus.FromOldest())
	f := receive(t, tap)
	if got := string(f.Bytes()); got != "x" {
		t.Errorf("the tap got %q", got)
	}
	_, err := b.Subscribe(soon(t), "t")
	is(t, err, fs.ErrPermission, "read-only file system", "subscribe with ReadOnly")
	_, err = b.Publisher("t")
	is(t, err, fs.ErrPermission, "read-only file system", "mount it for writing")
	_, err = b.Participants()
	noError(t, err)
	survey, err := b.Survey()
	noError(t, err)
	if len(survey.Topics) != 1 {
		t.Errorf("the survey is %+v", survey)
	}
	all, err := b.Doctor()
	noError(t, err)
	if len(all) != 1 || all[0].Check != "read-only" || all[0].Grade != bus.Info {
		t.Errorf("the doctor found %+v", all)
	}
}

func TestAFullFileSystemIsAnErrorOfCreateTopicAndNothingIsLost(t *testing.T) {
	dir := smallTmpfs(t, 2<<20)
	filled(t, dir)
	b := openAt(t, dir)
	before, err := os.Stat(filepath.Join(dir, "main.seg"))
	noError(t, err)
	err = b.CreateTopic("large", bus.TopicOptions{Slots: 1 << 15})
	is(t, err, segment.ErrNoSpace, `"large"`, dir, "bytes wanted", "free", "docker run --shm-size", "remove topics")
	_, err = b.Publisher("large", bus.WithTopic(bus.TopicOptions{Slots: 1 << 15}))
	is(t, err, segment.ErrNoSpace, `"large"`)
	all, err := b.Topics()
	noError(t, err)
	after, serr := os.Stat(filepath.Join(dir, "main.seg"))
	noError(t, serr)
	if len(all) != 1 || after.Size() != before.Size() {
		t.Errorf("topics %+v, %d bytes before and %d after", all, before.Size(), after.Size())
	}
	expect(t, subscribe(t, b, "t", bus.FromOldest()), "a", "b", "c")
	noError(t, b.CreateTopic("small", bus.TopicOptions{Slots: 16}))
}

func TestAFileSystemTooSmallForASegmentIsLeftEmpty(t *testing.T) {
	dir := smallTmpfs(t, 200<<10)
	err := openAt(t, dir).CreateTopic("t", bus.TopicOptions{Slots: 2})
	is(t, err, segment.ErrNoSpace, dir, "bytes wanted")
	entries, err := os.ReadDir(dir)
	noError(t, err)
	for _, e := range entries {
		if e.Name() != "bus.lock" {
			t.Errorf("%s is left", e.Name())
		}
	}
}

// A removed topic's pages are given back while lossy subscribers and taps still look at them. With nothing left to fill the holes with,
// that look is a memory fault.
func TestWhoReadsARemovedTopicOnAFullFileSystemIsToldThatItIsGone(t *testing.T) {
	needsTheMachine(t, "qemu-user does not say where a memory fault was")
	for _, mode := range readerModes {
		if mode.name == "lossless" || mode.name == "group" {
			continue // its pages stay until it leaves
		}
		for _, wait := range []bool{false, true} {
			dir := smallTmpfs(t, 2<<20)
			b := openAt(t, dir)
			shape := bus.TopicOptions{Slots: 1024}
			noError(t, b.CreateTopic("t", shape))
			opts := mode.opts
			if wait {
				opts = append(bytesOf(opts), bus.WaitForTopic())
			}
			s, try := subscribe(t, b, "t", opts...), subscribe(t, b, "t", opts...)
			noError(t, b.RemoveTopic("t"))
			fill := filepath.Join(dir, "fill")
			f, err := os.Create(fill)
			noError(t, err)
			for err == nil {
				_, err = f.Write(make([]byte, 4096))
			}
			noError(t, f.Close())
			if !wait {
				_, err = s.Receive(soon(t))
				is(t, err, bus.ErrNoTopic, `"t"`, "removed")
				_, err = try.TryReceive()
				is(t, err, bus.ErrNoTopic, `"t"`)
				continue
			}
			if f, err := try.TryReceive(); f != nil || err != nil {
				t.Errorf("TryReceive: %v, %v", f, err)
			}
			got := make(chan error, 1)
			go func() {
				f, err := s.Receive(soon(t))
				if err == nil && string(f.Bytes()) != "again" {
					err = fmt.Errorf("got %q", f.Bytes())
				}
				got <- err
			}()
			noError(t, os.Remove(fill))
			publish(t, publisher(t, b, "t", bus.WithTopic(shape)), "again")
			noError(t, <-got)
			_, err = try.Receive(soon(t))
			noError(t, err)
		}
	}
}

func TestABusOnADiskWorks(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "bus")
	var st unix.Statfs_t
	noError(t, unix.Statfs(filepath.Dir(dir), &st))
	t.Logf("the file system is %#x", st.Type)
	b := openAt(t, dir)
	p, err := b.Publisher("t", losslessRing(64))
	if errors.Is(err, segment.ErrFileSystem) {
		t.Skipf("the temporary directory cannot hold a bus: %v", err)
	}
	noError(t, err)
	s, tap := subscribe(t, openAt(t, dir), "t", bus.Lossless()), subscribe(t, openAt(t, dir), "t", bus.ReadOnly())
	for i := range 1000 {
		publish(t, p, fmt.Sprint(i))
		expect(t, s, fmt.Sprint(i))
		expect(t, tap, fmt.Sprint(i))
	}
	noError(t, b.RemoveTopic("t"))
}

// noFiles makes what is no regular file.
var noFiles = map[string]func(path string) error{
	"link":      func(path string) error { return os.Symlink("/nowhere", path) },
	"pipe":      func(path string) error { return syscall.Mkfifo(path, 0o600) },
	"directory": func(path string) error { return os.Mkdir(path, 0o700) },
}

// TestWhatHasTheNameOfABellOrLeaseAndIsNoFileIsToldOf by those who would make a segment, and stays.
func TestWhatHasTheNameOfABellOrLeaseAndIsNoFileIsToldOf(t *testing.T) {
	for kind, put := range noFiles {
		for _, name := range []string{"main.bell", "main.lease"} {
			dir := newDir(t)
			b := openAt(t, dir)
			noError(t, os.Mkdir(dir, 0o700))
			noError(t, put(filepath.Join(dir, name)))
			is(t, b.CreateTopic("t", bus.TopicOptions{}), bus.ErrCorrupt, name, "not a regular file", "move the file away")
			_, err := b.Publisher("t")
			is(t, err, bus.ErrCorrupt, name, "not a regular file", "move the file away")
			if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
				t.Errorf("the %s is gone: %v", kind, err)
			}
			noError(t, os.Remove(filepath.Join(dir, name)))
			noError(t, b.CreateTopic("t", bus.TopicOptions{}))
		}
	}
}

// TestWhatHasTheNameOfASegmentAndIsNoFileIsToldOfByAll: by those who would make it as by those who look for it.
func TestWhatHasTheNameOfASegmentAndIsNoFileIsToldOfByAll(t *testing.T) {
	for kind, put := range noFiles {
		dir := newDir(t)
		b := openAt(t, dir)
		noError(t, os.Mkdir(dir, 0o700))
		noError(t, put(filepath.Join(dir, "main.seg")))
		says := func(err error) {
			t.Helper()
			is(t, err, bus.ErrCorrupt, "main.seg", "not a regular file", "move the file away")
		}
		_, err := b.Publisher("t")
		says(err)
		for _, o := range []bus.SubscribeOption{bus.Lossy(), bus.ReadOnly(), bus.WaitForTopic()} {
			_, err = b.Subscribe(soon(t), "t", o)
			says(err)
		}
		_, err = b.Stat("t")
		says(err)
		_, err = b.Topics()
		says(err)
		found, err := b.Doctor()
		noError(t, err)
		if len(found) != 1 || found[0].Grade != bus.Wrong || found[0].Check != "not-segment" {
			t.Errorf("of a %s the doctor says %v", kind, found)
		}
	}
}
