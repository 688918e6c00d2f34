package journal

import (
	"errors"
	"os"
	"sync"
)

// A File is a log, JSON lines, that is written to its end, and becomes PATH.1 when it is long: it may lie in memory. It is safe for concurrent use.
type File struct {
	path string
	most int64 // bytes

	mu   sync.Mutex
	f    *os.File
	size int64
	lost loss
}

// OpenFile opens the log at path, makes it if need be, and goes on after what is there. It gets as long as most, and so does the one before it. name is of the
// logger that writes it.
func OpenFile(path, name string, most int64) (*File, error) {
	l := &File{path: path, most: most, lost: loss{name: name, json: true}}
	return l, l.open()
}

// open opens the file, in place of the one that is open.
func (l *File) open() error {
	f, err := os.OpenFile(l.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return err
	}
	if l.f != nil {
		l.f.Close()
	}
	l.f, l.size = f, info.Size()
	return nil
}

// Write appends an entry, or several that are to be in one file. Those that cannot be written whole are not in it at all, and are counted.
func (l *File) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.tell()
	if err == nil {
		err = l.append(b)
	}
	if err != nil {
		l.lost.add(err)
		return 0, err
	}
	return len(b), nil
}

// tell tells of what was lost.
func (l *File) tell() error {
	if l.lost.entries == 0 {
		return nil
	}
	err := l.append(l.lost.entry())
	if err == nil {
		l.lost.entries = 0
	}
	return err
}

func (l *File) append(b []byte) error {
	if l.size > 0 && l.size+int64(len(b)) > l.most {
		if err := l.rotate(); err != nil {
			return err
		}
	}
	n, err := l.f.Write(b)
	if err != nil && n > 0 { // the file system is full: half an entry would spoil the next one
		return errors.Join(err, l.takeBack(n))
	}
	l.size += int64(n)
	return err
}

// takeBack removes the last n bytes. Somebody may have shortened the file meanwhile: where it ends, only the file says.
func (l *File) takeBack(n int) error {
	i, err := l.f.Stat()
	if err != nil {
		return err
	}
	return l.f.Truncate(i.Size() - int64(n))
}

// rotate makes the log PATH.1, in place of the one before it. If that cannot be it is shortened where it is: a log must not fill the memory.
func (l *File) rotate() error {
	err := os.Rename(l.path, l.path+".1")
	if err == nil || errors.Is(err, os.ErrNotExist) {
		return l.open() // if it fails, what is open is PATH.1, and stays whole
	}
	l.size = 0
	return l.f.Truncate(0)
}

// Keep makes the log anew when somebody has removed it: what is written to a file without a name is read by nobody, and takes room all the same. It
// also tells of what was lost, if nothing was written since, or else later. Call it now and then.
func (l *File) Keep() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	mine, err := l.f.Stat()
	if err != nil {
		return err
	}
	there, err := os.Stat(l.path)
	if errors.Is(err, os.ErrNotExist) || err == nil && !os.SameFile(mine, there) {
		err = l.open()
	} else {
		l.size = mine.Size() // somebody may have shortened it
	}
	if err != nil {
		return err
	}
	_ = l.tell()
	return nil
}

// Close closes the file.
func (l *File) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.f.Close()
}
