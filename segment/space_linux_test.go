package segment

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// smallTmpfs is a bus directory on a tmpfs of that many bytes.
func smallTmpfs(t *testing.T, size int) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, to mount a small tmpfs")
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		t.Skipf("needs to mount a small tmpfs: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	bus := filepath.Join(dir, "bus")
	if err := MakeDir(bus, Options{}); err != nil {
		t.Fatal(err)
	}
	return bus
}

// checkNoSpace checks that an error says all that its reader needs.
func checkNoSpace(t *testing.T, err error, dir, wanted string) {
	t.Helper()
	if !errors.Is(err, ErrNoSpace) || !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("error is %v", err)
	}
	for _, s := range []string{dir, wanted + " bytes wanted", " free ", "--shm-size"} {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%q does not say %q", err, s)
		}
	}
}

func TestCreateOnAFullFileSystemLeavesNothing(t *testing.T) {
	dir := smallTmpfs(t, 512<<10)
	for _, o := range []Options{{TableBytes: 1 << 20}, {BellBytes: 1 << 20}, {Participants: 65535}} {
		_, err := Create(dir, "a", o)
		checkNoSpace(t, err, dir, "")
		if got := names(t, dir); len(got) != 0 {
			t.Errorf("left: %v", got)
		}
	}
	// Each alone would fit, all together do not.
	if _, err := Create(dir, "a", Options{TableBytes: 300 << 10, BellBytes: 300 << 10}); !errors.Is(err, ErrNoSpace) {
		t.Errorf("error is %v", err)
	}
	if got := names(t, dir); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
	s, err := Create(dir, "a", Options{TableBytes: 100 << 10})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
}

func TestGrowOnAFullFileSystemLeavesTheSegmentAsItWas(t *testing.T) {
	dir := smallTmpfs(t, 1<<20)
	s, err := Create(dir, "a", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	before := must2(s.Size())
	_, err = s.Grow(1<<20, nil)
	checkNoSpace(t, err, dir, "1048576")
	if size := must2(s.Size()); size != before || s.shared.regionsEnd.Load() != uint64(before) {
		t.Errorf("size was %d, is %d", before, size)
	}
	off, err := s.Grow(256<<10, nil)
	if err != nil || off != before {
		t.Fatalf("region at %d, %v", off, err)
	}
	m, err := s.Map(off, 256<<10, 256<<10)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	m.Bytes()[100] = 1
	before = free(t, dir)
	if before > 800<<10 {
		t.Errorf("%d bytes are free, so the region is not reserved", before)
	}
	if err := s.Punch(off, 256<<10); err != nil {
		t.Fatal(err)
	}
	if now := free(t, dir); now < before+256<<10 {
		t.Errorf("%d bytes are free after punching, %d before", now, before)
	}
	if size := must2(s.Size()); size != off+256<<10 {
		t.Errorf("size is %d after punching", size)
	}
	if m.Bytes()[100] != 0 {
		t.Error("a punched range is not zero")
	}
}

// free is the bytes that are free in the file system of a path.
func free(t *testing.T, path string) int64 {
	t.Helper()
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		t.Fatal(err)
	}
	return int64(st.Bavail) * int64(st.Bsize)
}

func init() {
	helpers["limit"] = func(args []string) {
		must(unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 1 << 20, Max: 1 << 20}))
		s, err := Open(args[0], "a", ReadWrite)
		must(err)
		_, err = s.Grow(2<<20, nil)
		fmt.Println(errors.Is(err, ErrNoSpace), strings.Contains(err.Error(), "ulimit"))
	}
}

func TestALimitOnFileSizesIsAnErrorAndNotASignal(t *testing.T) {
	s := create(t, Options{})
	startHelper(t, nil, "limit", s.Dir()).want("true true")
}

func TestRegionsFollowEachOtherAndAreZero(t *testing.T) {
	s := create(t, Options{})
	want := s.RegionsStart()
	for _, size := range []int64{1, 4096, 5000, 70 << 20} { // the last is reserved in two pieces
		off, err := s.Grow(size, nil)
		if err != nil || off != want {
			t.Fatalf("region at %d, %v, want %d", off, err, want)
		}
		m, err := s.Map(off, roundUp(size, 4096), roundUp(size, 4096))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(m.Bytes(), make([]byte, roundUp(size, 4096))) {
			t.Error("a new region is not zero")
		}
		m.Bytes()[0] = 0xff
		m.Close()
		want += roundUp(size, 4096)
	}
	for _, size := range []int64{0, -1, 1<<63 - 1, 1<<63 - 1 - 4096} {
		if _, err := s.Grow(size, nil); !errors.Is(err, ErrRange) {
			t.Errorf("Grow(%d): %v", size, err)
		}
	}
	// What a Grow that was cut short has left is cleared.
	if err := s.seg.writeAt([]byte("left over"), want); err != nil {
		t.Fatal(err)
	}
	off, err := s.Grow(4096, nil)
	if err != nil || off != want {
		t.Fatalf("region at %d, %v, want %d", off, err, want)
	}
	m, err := s.Map(off, 4096, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if m.Bytes()[0] != 0 {
		t.Error("a region begins with what was left over")
	}
	s.shared.regionsEnd.Store(uint64(off) + 1)
	if _, err := s.Grow(4096, nil); !errors.Is(err, ErrCorrupt) {
		t.Errorf("with a broken end: %v", err)
	}
}

func TestNetworkFileSystemsHaveAName(t *testing.T) {
	if networkFS[unix.NFS_SUPER_MAGIC] == "" || networkFS[unix.TMPFS_MAGIC] != "" || networkFS[unix.EXT4_SUPER_MAGIC] != "" ||
		networkFS[unix.OVERLAYFS_SUPER_MAGIC] != "" || networkFS[unix.XFS_SUPER_MAGIC] != "" || networkFS[unix.BTRFS_SUPER_MAGIC] != "" {
		t.Error("the wrong file systems are refused")
	}
	s, err := Create(t.TempDir(), "a", Options{}) // whatever the disk has
	if errors.Is(err, ErrFileSystem) {
		t.Skipf("the temporary directory cannot hold a bus: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
}

func TestAReservationThatFailsLeavesTheFileAsLongAsItWas(t *testing.T) {
	dir := t.TempDir()
	f, err := createFile(filepath.Join(dir, "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	if err := f.reserve(0, 8192); errors.Is(err, ErrFileSystem) {
		t.Skipf("the temporary directory cannot hold a bus: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	if err := f.truncate(1<<63 - 1); err == nil {
		t.Skip("files of this file system have no largest size")
	}
	if err := f.reserve(1<<62, 4096); !errors.Is(err, ErrNoSpace) {
		t.Errorf("error is %v", err)
	}
	if st, err := f.stat(); err != nil || st.size != 8192 {
		t.Errorf("size is %d, %v", st.size, err)
	}
	if err := f.reserve(8192, 1<<60); !errors.Is(err, ErrNoSpace) {
		t.Errorf("error is %v", err)
	}
	if st, err := f.stat(); err != nil || st.size != 8192 {
		t.Errorf("size is %d, %v", st.size, err)
	}
}
