package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/foxglove/mcap/go/mcap"

	"shmbus/internal/mcapfile"
)

// finishing is what an interrupted buscat has to finish before it ends.
var finishing sync.WaitGroup

// A reel is the file that is being written, and, if files are to be no larger or older than asked for, the next ones. It is used with the
// recorder's lock held.
type reel struct {
	path    string
	force   bool
	maxSize int64         // 0: no limit
	maxTime time.Duration // 0: no limit
	options mcapfile.Options
	ending  func() error // called before a file is closed

	number int // of the file, from 1
	file   *os.File
	made   bool // by this run
	writer *mcapfile.Writer
	begun  time.Time
	known  map[uint16]bool // channels in this file
	frames uint64          // in this file

	wg     sync.WaitGroup // files that are being closed
	mu     sync.Mutex     // guards what follows
	closed int64          // bytes in closed files
	kept   uint64         // frames in them
	err    error          // the first one of closing

	missing []string // files that have not their names any more
	empty   []string // files that this run has made, and that have no frame
}

func (r *reel) numbered() bool { return r.maxSize > 0 || r.maxTime > 0 }

// errNoFile: the next file could not be opened, which somebody else was told.
var errNoFile = errors.New("there is no file to record into")

// name is the name of the n'th file.
func (r *reel) name(n int) string {
	if !r.numbered() {
		return r.path
	}
	ext := filepath.Ext(r.path)
	return fmt.Sprintf("%s-%04d%s", strings.TrimSuffix(r.path, ext), n, ext)
}

// begin opens the first file. Those of an earlier recording are not touched unless that was asked for.
func (r *reel) begin() error {
	if r.numbered() {
		ext := filepath.Ext(r.path)
		base := filepath.Base(strings.TrimSuffix(r.path, ext))
		all, err := os.ReadDir(filepath.Dir(r.path))
		if err != nil {
			return err
		}
		for _, e := range all {
			digits, ok := strings.CutPrefix(strings.TrimSuffix(e.Name(), ext), base+"-")
			if _, err := strconv.ParseUint(digits, 10, 32); !ok || len(digits) < 4 || err != nil || !strings.HasSuffix(e.Name(), ext) {
				continue
			}
			old := filepath.Join(filepath.Dir(r.path), e.Name())
			if !r.force {
				return fmt.Errorf("%s is there, of an earlier recording; name another file, or add --force to remove all its numbered files", old)
			}
			if err := os.Remove(old); err != nil {
				return err
			}
		}
	}
	return r.next()
}

// next opens another file.
func (r *reel) next() error {
	name := r.name(r.number + 1)
	f, made, err := createFile(name, r.force)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already; name another file, or add --force to overwrite it", name)
	}
	if err != nil {
		return err
	}
	o := r.options
	if r.maxSize > 0 {
		o.ChunkSize = int(min(mcapfile.DefaultChunkSize, max(r.maxSize/8, 1<<10)))
	}
	w, err := mcapfile.NewWriter(f, o)
	if err != nil {
		here := made && isAt(f, name)
		err = errors.Join(err, f.Close())
		if here {
			_ = os.Remove(f.Name())
		}
		return err
	}
	r.number++
	r.file, r.made, r.writer, r.begun, r.known, r.frames = f, made, w, time.Now(), make(map[uint16]bool), 0
	return nil
}

// createFile makes a file, or opens one that is not made. One that is there is removed if force says so, and not written over: another recorder may have it open. Pipes and
// devices are written into.
func createFile(name string, force bool) (f *os.File, made bool, err error) {
	const flags = os.O_CREATE | os.O_WRONLY | os.O_APPEND
	open := func(more int) (*os.File, bool, error) {
		f, err := os.OpenFile(name, flags|more, 0o666)
		return f, false, err
	}
	for {
		f, err := os.OpenFile(name, flags|os.O_EXCL, 0o666)
		if !force || !errors.Is(err, fs.ErrExist) {
			return f, err == nil, err
		}
		info, gone := os.Stat(name)
		real, dangling := filepath.EvalSymlinks(name)
		switch {
		case gone == nil && !info.Mode().IsRegular():
			return open(0)
		case dangling == nil:
			name = real // the link stays
		default:
			if link, err := os.Lstat(name); err == nil && link.Mode()&fs.ModeSymlink != 0 {
				return open(os.O_TRUNC)
			}
		}
		switch err := os.Remove(name); {
		case errors.Is(err, fs.ErrPermission): // of the directory: then it is written over
			return open(os.O_TRUNC)
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return nil, false, err
		}
	}
}

// message adds a message, in another file if it is time for one.
func (r *reel) message(c *mcap.Channel, m *mcap.Message) error {
	if r.writer == nil {
		return errNoFile
	}
	if r.frames > 0 && (r.maxSize > 0 && r.writer.Size()+int64(len(m.Data)) > r.maxSize || r.maxTime > 0 && time.Since(r.begun) >= r.maxTime) {
		if err := r.finish(); err != nil {
			return err
		}
		if err := r.next(); err != nil {
			return err
		}
	}
	if !r.known[c.ID] {
		if err := r.writer.Channel(c); err != nil {
			return err
		}
		r.known[c.ID] = true
	}
	r.frames++
	return r.writer.Message(m)
}

func (r *reel) metadata(name string, values map[string]string) error {
	if r.writer == nil {
		return errNoFile
	}
	return r.writer.Metadata(name, values)
}

// finish closes the file, while the recording goes on. The error is one of writing it.
func (r *reel) finish() error {
	err := r.ending()
	w, f, made, name := r.writer, r.file, r.made, r.name(r.number)
	r.writer, r.file = nil, nil
	r.wg.Go(func() {
		err := w.Close()
		elsewhere := !isAt(f, name)
		err = errors.Join(err, f.Close())
		r.mu.Lock()
		defer r.mu.Unlock()
		switch {
		case elsewhere:
			r.missing = append(r.missing, name)
		case made && w.Messages() == 0:
			r.empty = append(r.empty, f.Name())
		}
		r.closed += w.Size()
		r.kept += w.Messages()
		if err != nil && r.err == nil {
			r.err = err
		}
	})
	return err
}

// isAt says whether a file still has its name. What is no regular file has.
func isAt(f *os.File, name string) bool {
	is, err := f.Stat()
	if err != nil || !is.Mode().IsRegular() {
		return true
	}
	named, err := os.Stat(name)
	return err == nil && os.SameFile(is, named)
}

// close closes the last file. The error is the first one that there was with a file.
func (r *reel) close() error {
	if r.writer != nil {
		_ = r.finish() // close says so, too
	}
	r.wg.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// discard removes files into which nothing could be recorded. Those that were there before are left.
func (r *reel) discard() {
	for _, name := range r.empty {
		_ = os.Remove(name)
		r.number-- // it was the last one
	}
}

// total is how many bytes there are in all files.
func (r *reel) total() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.closed
	if r.writer != nil {
		n += r.writer.Size()
	}
	return n
}

// what names the files.
func (r *reel) what() string {
	if r.number <= 1 {
		return r.name(1)
	}
	return fmt.Sprintf("%s to %s", r.name(1), r.name(r.number))
}

// A byteSize is a flag: a number of bytes, with a unit or without.
type byteSize int64

func (b *byteSize) String() string {
	if *b == 0 {
		return ""
	}
	return strconv.FormatInt(int64(*b), 10)
}

func (b *byteSize) Type() string { return "bytes" }

func (b *byteSize) Set(s string) error {
	number := strings.TrimRight(s, "BKMGTibkmgt")
	units := map[string]float64{
		"": 1, "b": 1, "k": 1e3, "kb": 1e3, "m": 1e6, "mb": 1e6, "g": 1e9, "gb": 1e9, "t": 1e12, "tb": 1e12,
		"ki": 1 << 10, "kib": 1 << 10, "mi": 1 << 20, "mib": 1 << 20, "gi": 1 << 30, "gib": 1 << 30, "ti": 1 << 40, "tib": 1 << 40,
	}
	unit, ok := units[strings.ToLower(s[len(number):])]
	v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if v *= unit; err != nil || !ok || !(v >= 1 && v <= math.MaxInt64/2) {
		return fmt.Errorf("it is a number of bytes, like 500000, 100MB or 1GiB")
	}
	*b = byteSize(v)
	return nil
}
