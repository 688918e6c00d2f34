package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"shmbus/bus"
	"shmbus/segment"
	"shmbus/topics"
)

// fileSpace is what a file system says of itself.
type fileSpace struct {
	magic       int64
	total, free int64 // bytes; total 0: no limit
	files, left uint64
}

// smallShm is what a container's /dev/shm has at most that nobody has given a size: Docker's has 64 MB.
const smallShm = 64 << 20

// nearly is how many more topics of the default size should fit.
const nearly = 8

func spaceOf(path string) (fileSpace, error) {
	var st unix.Statfs_t
	for {
		err := unix.Statfs(path, &st)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fileSpace{}, &fs.PathError{Op: "statfs", Path: path, Err: err}
		}
		break
	}
	block := uint64(max(st.Bsize, 1))
	bytes := func(n uint64) int64 { return int64(min(n, math.MaxInt64/block) * block) }
	return fileSpace{int64(uint32(st.Type)), bytes(st.Blocks), bytes(st.Bavail), st.Files, st.Ffree}, nil
}

// disks are local file systems that keep a bus on a disk.
var disks = map[int64]string{
	unix.EXT4_SUPER_MAGIC: "ext4", unix.XFS_SUPER_MAGIC: "xfs", unix.BTRFS_SUPER_MAGIC: "btrfs", unix.F2FS_SUPER_MAGIC: "f2fs", 0x2fc12fc1: "zfs",
}

// examineSpace looks at the file system that the bus is on, or would be.
func (s *surroundings) examineSpace() []bus.Finding {
	at := existingPath(s.dir)
	sp, err := s.space(at)
	if err != nil {
		return []bus.Finding{warnOf("no-access", err.Error(), "the file system of the bus cannot be asked for its space: look as another user")}
	}
	var all []bus.Finding
	// It opens nothing: there is no segment of that name, unless the file system is refused before.
	switch seg, err := segment.Open(at, "doctor.none", segment.ReadOnly); {
	case err == nil:
		_ = seg.Close()
	case errors.Is(err, segment.ErrFileSystem):
		all = append(all, wrongOf("file-system", err.Error(), "use /dev/shm or a local disk"))
	case errors.Is(err, segment.ErrForeignDir):
		all = append(all, wrongOf("foreign-directory", err.Error(), "ask its owner to remove it, or set SHMBUS_DIR to another directory"))
	}
	help := "free some disk space, remove topics ('buscat prune'), or choose another directory"
	switch name := disks[sp.magic]; {
	case sp.magic == unix.TMPFS_MAGIC:
		help = "give the tmpfs more (docker run --shm-size, mount -o remount,size=), remove topics ('buscat prune'), or choose another directory"
	case sp.magic == unix.OVERLAYFS_SUPER_MAGIC:
		all = append(all, warnOf("overlay", at+" is on an overlay: other containers do not see it, and files of the image below would be copied",
			"share a directory between the containers: docker run -v /dev/shm/mybus:/bus"))
	case name != "":
		all = append(all, infoOf("on-disk", at+" is on a disk ("+name+"): the kernel writes the pages out now and then", "use /dev/shm for steady latency"))
	}
	return append(all, sp.judge(at, topicSize(), help)...)
}

// judge compares what is free with what a topic of the default size takes.
func (sp fileSpace) judge(at string, topic int64, help string) []bus.Finding {
	var all []bus.Finding
	if sp.magic == unix.TMPFS_MAGIC && sp.total > 0 && sp.total <= smallShm {
		all = append(all, warnOf("small-shm", fmt.Sprintf("the file system of %s has %s in all, as in a container that was given no size", at, size(sp.total)),
			"docker run --shm-size=1g, or in Kubernetes an emptyDir with medium: Memory"))
	}
	switch text := fmt.Sprintf("%s has %s free of %s; a topic of the default size takes %s", at, size(sp.free), size(sp.total), size(topic)); {
	case sp.total == 0:
	case sp.free < topic:
		all = append(all, wrongOf("full", text, help))
	case sp.free < nearly*topic:
		all = append(all, warnOf("nearly-full", text, help))
	}
	if sp.files > 0 && sp.left < 3 {
		all = append(all, wrongOf("no-inodes", fmt.Sprintf("%s has room for %s more; a segment takes three", at, count(sp.left, "file")),
			"remove files there, or give it more inodes (mount -o remount,nr_inodes=)"))
	}
	return all
}

// topicSize is the memory that a topic of the default geometry takes.
func topicSize() int64 {
	g, err := topics.Geometry{}.Normal()
	if err != nil {
		return 1 << 20
	}
	return g.Areas(os.Getpagesize()).Size
}

// realPath is a path without symbolic links, also if its last elements are not there.
func realPath(path string) string {
	there := existingPath(path)
	real, err := filepath.EvalSymlinks(there)
	rest, rerr := filepath.Rel(there, path)
	if err != nil || rerr != nil {
		return path
	}
	return filepath.Join(real, rest)
}

// existingPath is a path, or the nearest folder above it that is there.
func existingPath(path string) string {
	for {
		if _, err := os.Stat(path); err == nil || path == filepath.Dir(path) {
			return path
		}
		path = filepath.Dir(path)
	}
}
