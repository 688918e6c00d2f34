package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"shmbus/bus"
)

// A busFile is what the permission checks know of a file.
type busFile struct {
	name     string
	mode     fs.FileMode
	uid, gid uint32
}

func statFile(path string) (f busFile, ok bool) {
	info, err := os.Lstat(path)
	if err != nil {
		return f, false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return f, false
	}
	return busFile{filepath.Base(path), info.Mode(), st.Uid, st.Gid}, true
}

// examineAccess looks at the owners and the modes of the directory and its files.
func (s *surroundings) examineAccess() []bus.Finding {
	var all []bus.Finding
	for _, dir := range []string{s.dir, filepath.Dir(s.dir)} {
		if d, ok := statFile(dir); ok && d.mode&0o002 != 0 && d.mode&fs.ModeSticky == 0 {
			all = append(all, warnOf("open-directory", fmt.Sprintf("anybody may remove and replace what others have in %s (mode %v)", dir, d.mode),
				"chmod o-w "+dir+", and let a group in instead; or at least chmod +t"))
		}
	}
	dir, ok := statFile(s.dir)
	entries, err := os.ReadDir(s.dir)
	if !ok || err != nil {
		return all
	}
	files := map[string]busFile{}
	for _, e := range entries {
		switch filepath.Ext(e.Name()) {
		case ".seg", ".bell", ".lease", ".lock":
			if f, ok := statFile(filepath.Join(s.dir, e.Name())); ok && f.mode.IsRegular() {
				files[f.name] = f
			}
		}
	}
	for _, e := range entries {
		f, ok := files[e.Name()]
		if !ok {
			continue
		}
		writers := dir.mode // who may write the segment may, and must, use its lease
		if base, is := strings.CutSuffix(f.name, ".lease"); is {
			seg, ok := files[base+".seg"]
			if !ok {
				continue // a leftover
			}
			writers = seg.mode
		}
		all = append(all, f.judge(dir, writers)...)
	}
	return all
}

// judge says what is wrong with a file's owner and mode.
func (f busFile) judge(dir busFile, writers fs.FileMode) []bus.Finding {
	var all []bus.Finding
	add := func(b bus.Finding) {
		b.Segment = strings.TrimSuffix(f.name, filepath.Ext(f.name))
		if f.name == "bus.lock" {
			b.Segment = ""
		}
		all = append(all, b)
	}
	lock := strings.HasSuffix(f.name, ".lease") || strings.HasSuffix(f.name, ".lock")
	if f.mode&0o600 != 0o600 {
		add(wrongOf("file-mode", fmt.Sprintf("%s has mode %v: its owner may not read and write it", f.name, f.mode), "chmod u+rw "+f.name))
	}
	if f.uid != dir.uid && dir.uid != 0 {
		text := fmt.Sprintf("%s belongs to user %d, the directory to user %d", f.name, f.uid, dir.uid)
		switch shared := f.mode&0o060 == 0o060 && f.gid == dir.gid || f.mode&0o006 == 0o006; {
		case !shared:
			add(wrongOf("foreign-owner", text+", who may not open it", fmt.Sprintf("chown %d %s, as root; and do not use another user's bus as root", dir.uid, f.name)))
		case dir.mode&0o022 == 0:
			add(warnOf("foreign-owner", text+", and others may not make files there", fmt.Sprintf("chown %d %s, as root", dir.uid, f.name)))
		}
	}
	who := func(bad func(mine, writers, dir fs.FileMode) bool) (people, letters string) {
		group, others := bad(f.mode>>3&7, writers>>3&7, dir.mode>>3&7), bad(f.mode&7, writers&7, dir.mode&7)
		switch {
		case group && others:
			return "the group and all others", "go"
		case group:
			return "the group", "g"
		case others:
			return "those outside the group", "o"
		}
		return "", ""
	}
	if lock {
		if w, l := who(func(mine, writers, _ fs.FileMode) bool { return writers&2 != 0 && mine&6 != 6 }); w != "" {
			add(warnOf("lease-mode", fmt.Sprintf("%s may write here, but not use %s (mode %v), without which they can do nothing", w, f.name, f.mode),
				fmt.Sprintf("chmod %s+rw %s", l, f.name)))
		}
		if w, l := who(func(mine, writers, _ fs.FileMode) bool { return writers&2 == 0 && mine&6 != 0 }); w != "" {
			add(warnOf("open-lease", fmt.Sprintf("%s may not write here, but open %s (mode %v), and so hold locks that others wait for", w, f.name, f.mode),
				fmt.Sprintf("chmod %s-rw %s", l, f.name)))
		}
	}
	if strings.HasSuffix(f.name, ".seg") {
		if w, l := who(func(mine, _, dir fs.FileMode) bool { return mine&2 != 0 && dir&2 == 0 }); w != "" {
			add(warnOf("open-file", fmt.Sprintf("%s may write to %s (mode %v), though not to the directory: whoever writes there can damage everything in it",
				w, f.name, f.mode), fmt.Sprintf("chmod %s-w %s, if that is not meant", l, f.name)))
		}
	}
	return all
}
