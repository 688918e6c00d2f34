package segment

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestFileSystemsOnWhichMappingsAreNotSharedAreRefused(t *testing.T) {
	for magic, name := range map[int64]string{
		unix.NFS_SUPER_MAGIC: "NFS", unix.V9FS_MAGIC: "9P", unix.SMB_SUPER_MAGIC: "SMB", unix.CEPH_SUPER_MAGIC: "Ceph",
		0xff534d42: "CIFS", -0xacb2be: "CIFS", // as a 32-bit machine has it
		0x0bd00bd0: "Lustre",
	} {
		err := judgeFileSystem("/mnt/bus", magic)
		if !errors.Is(err, ErrFileSystem) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, s := range []string{"/mnt/bus", "is on " + name, "do not share memory", "use /dev/shm or a local disk"} {
			if !strings.Contains(err.Error(), s) {
				t.Errorf("%q does not say %q", err, s)
			}
		}
	}
	for _, magic := range []int64{
		unix.TMPFS_MAGIC, unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.OVERLAYFS_SUPER_MAGIC, 0x2fc12fc1,
	} {
		if err := judgeFileSystem("/mnt/bus", magic); err != nil {
			t.Errorf("%#x is refused: %v", magic, err)
		}
	}
}

// overlay is a directory on an overlay file system; what lower puts into its lower layer shows through.
func overlay(t *testing.T, lower func(dir string)) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, to mount an overlay")
	}
	base := t.TempDir()
	dirs := map[string]string{}
	for _, name := range []string{"lower", "upper", "work", "merged"} {
		dirs[name] = filepath.Join(base, name)
		if err := os.Mkdir(dirs[name], 0o755); err != nil {
			t.Fatal(err)
		}
	}
	lower(dirs["lower"])
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", dirs["lower"], dirs["upper"], dirs["work"])
	if err := unix.Mount("overlay", dirs["merged"], "overlay", 0, options); err != nil {
		t.Skipf("needs to mount an overlay: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(dirs["merged"], unix.MNT_DETACH) })
	return dirs["merged"]
}

// What is made on an overlay lies in its upper layer, and mappings of it are the same memory.
func TestASegmentMadeOnAnOverlayIsShared(t *testing.T) {
	dir := overlay(t, func(string) {})
	s, err := Create(dir, "a", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r := open(t, dir, "a", ReadOnly)
	s.Table()[7] = 1
	if r.Table()[7] != 1 {
		t.Error("another mapping does not show what was stored")
	}
}

// What comes with a container's image lies in the lower layer: the first that opens it for writing gets a copy, which all share that
// open it afterwards. (A tap that was there before keeps the old one: docs/FAQ.md warns of that.)
func TestASegmentOfALowerLayerIsSharedOnceItHasBeenWrittenTo(t *testing.T) {
	dir := overlay(t, func(dir string) {
		s, err := Create(dir, "a", Options{})
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
	})
	w := open(t, dir, "a", ReadWrite)
	w.Table()[7] = 1
	for _, a := range bothAccesses {
		if x := open(t, dir, "a", a); x.Table()[7] != 1 {
			t.Errorf("opened %v afterwards it does not show what was stored", a)
		}
	}
}
