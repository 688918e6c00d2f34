package filetail

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"shmbus/internal/wholefile"
	"shmbus/plugins"
)

// saved is what the state file has. Lines that were published after it was written last are published again after a crash; none is left
// out.
type saved struct {
	Patterns []string           `json:"patterns"` // that were followed
	Files    map[string][]place `json:"files"`    // by path: those that were replaced, and the one that had the name
}

// A place is where we were in a file.
type place struct {
	Offset int64  `json:"offset"`
	File   string `json:"file"`          // device and number of the file
	Dir    string `json:"dir,omitempty"` // where it was, which is elsewhere than its path if that is a symbolic link
	Length int    `json:"length"`        // of the beginning that Sum is of
	Sum    string `json:"sum"`

	// When that was, by the clock that files have their times from. In the state file it is only that of a place which is from an earlier one, because
	// its path was not opened since; all others are as old as the state file.
	Time time.Time `json:"time,omitzero"`
}

func (f *follower) load() error {
	if f.config.State == "" {
		return nil
	}
	path, err := filepath.Abs(f.config.State)
	if err != nil {
		return err
	}
	f.config.State = path
	wholefile.RemoveUnfinished(path)
	err = plugins.ReadJSON(f.config.State, &f.saved)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return plugins.BadConfig("state", "%w; remove the file to begin anew", err)
	}
	info, err := os.Stat(f.config.State)
	if err != nil {
		return err
	}
	for _, places := range f.saved.Files {
		for i := range places {
			f.files[places[i].File]++
			if places[i].Time.IsZero() {
				places[i].Time = info.ModTime()
			}
		}
	}
	return nil
}

// unsave forgets what the state file had of a path: it is not needed any more.
func (f *follower) unsave(path string) {
	for _, p := range f.saved.Files[path] {
		f.leaveFile(p.File)
	}
	delete(f.saved.Files, path)
}

// save writes the state file, if there is something new. That it cannot is no reason to stop publishing.
func (f *follower) save() {
	if f.config.State == "" || !f.unsaved {
		return
	}
	if err := f.write(); err != nil {
		f.say(f.config.State, err.Error())
		return
	}
	f.say(f.config.State, "")
	f.unsaved, f.wrote = false, time.Now()
}

func (f *follower) write() error {
	s := saved{Files: maps.Clone(f.saved.Files)} // those that were not needed yet
	if s.Files == nil {
		s.Files = make(map[string][]place)
	}
	for _, p := range f.patterns {
		s.Patterns = append(s.Patterns, p.path)
	}
	for path, t := range f.tails {
		for _, in := range append(slices.Clone(t.old), t.in) {
			if in == nil {
				continue
			}
			info, err := in.file.Stat()
			if err != nil {
				return err
			}
			sum := sha256.Sum256(in.head)
			s.Files[path] = append(s.Files[path], place{
				Offset: in.at, File: fileID(info), Dir: in.dir, Length: len(in.head), Sum: hex.EncodeToString(sum[:]),
			})
		}
	}
	return plugins.WriteJSON(f.config.State, s)
}

// find looks for the file around its path, and around where a symbolic link has led or leads to; it may have another name by now. nil if it is in none
// of these directories.
func (f *follower) find(p place, path string) *input {
	for _, dir := range p.dirs(path) {
		if in := f.findIn(p, dir); in != nil {
			return in
		}
	}
	return nil
}

// dirs is where the file may be by now, and those that have had its name after it.
func (p place) dirs(path string) []string {
	dirs := []string{filepath.Dir(path)}
	if p.Dir != "" {
		dirs = append(dirs, p.Dir)
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		dirs = append(dirs, filepath.Dir(real))
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

func (f *follower) findIn(p place, dir string) *input {
	around, _ := os.ReadDir(dir) // in one that cannot be read it is not found
	for _, e := range around {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() || p.File == "" || fileID(info) != p.File {
			continue
		}
		in, err := f.openInput(filepath.Join(dir, e.Name()))
		if err != nil {
			continue
		}
		if p.is(in) && in.begin(p.Offset) == nil {
			return in
		}
		_ = f.closeInput(in)
	}
	return nil
}

// is says whether in is the file that we were in, and still has what we have read of it.
func (p place) is(in *input) bool {
	info, err := in.file.Stat()
	return err == nil && fileID(info) == p.File && p.begins(in)
}

// begins says whether in has what we have read: it is the file, or a copy of it.
func (p place) begins(in *input) bool {
	info, err := in.file.Stat()
	if err != nil || p.Offset < 0 || info.Size() < p.Offset || p.Length < 0 || p.Length > fingerprint {
		return false
	}
	head := make([]byte, p.Length)
	n, _ := in.file.ReadAt(head, 0)
	sum := sha256.Sum256(head[:n])
	want, err := hex.DecodeString(p.Sum)
	return err == nil && bytes.Equal(sum[:], want)
}
