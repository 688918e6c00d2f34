package main

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
)

// A tail reads a growing file line by line, as `tail -F` does: it goes on when the file is appended to, begins anew when it is
// truncated, and changes over when another file takes its name.
//
// What it cannot see: a file that is truncated and grows beyond its old length between two looks, and what is appended to
// a file after another one has taken its name.
type tail struct {
	path string
	emit func(line []byte) error // without the newline; the slice is valid for the call
	most int                     // a longer line is given in pieces

	file   *os.File // nil: not there yet
	offset int64    // of what was read
	line   []byte   // the beginning of a line whose end is still to come
	chunk  []byte
}

// poll reads what is new. A file that is missing is no error.
func (t *tail) poll() error {
	for {
		if t.file == nil {
			f, err := os.Open(t.path)
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
			t.file, t.offset = f, 0
		}
		if err := t.read(); err != nil {
			return err
		}
		replaced, err := t.replaced()
		if err != nil || !replaced {
			return err
		}
		// Lines may have come between the last read and the change of the name.
		if err := t.read(); err != nil {
			return err
		}
		if err := t.rest(); err != nil {
			return err
		}
		t.file.Close()
		t.file = nil
	}
}

// read gives all lines from the offset to the end of the file. A file that has become shorter is read from its start.
func (t *tail) read() error {
	info, err := t.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() < t.offset {
		t.offset, t.line = 0, t.line[:0]
	}
	if t.chunk == nil {
		t.chunk = make([]byte, 64<<10)
	}
	for {
		n, err := t.file.ReadAt(t.chunk, t.offset)
		t.offset += int64(n)
		if e := t.split(t.chunk[:n]); e != nil {
			return e
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// split adds b to the line that has begun, and gives the lines that are complete.
func (t *tail) split(b []byte) error {
	for len(b) > 0 {
		end := bytes.IndexByte(b, '\n')
		room := t.most - len(t.line)
		if end < 0 && len(b) <= room {
			t.line = append(t.line, b...)
			return nil
		}
		cut, next := end, end+1
		if end < 0 || end > room {
			cut, next = room, room
		}
		t.line = append(t.line, b[:cut]...)
		b = b[next:]
		if err := t.emit(t.line); err != nil {
			return err
		}
		t.line = t.line[:0]
	}
	return nil
}

// rest gives the line that has begun, if its file ends without a newline and nothing more will come.
func (t *tail) rest() error {
	if len(t.line) == 0 {
		return nil
	}
	err := t.emit(t.line)
	t.line = t.line[:0]
	return err
}

// replaced says whether another file has taken the name. While nothing has it, the old file is the one to read.
func (t *tail) replaced() (bool, error) {
	now, err := os.Stat(t.path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	open, err := t.file.Stat()
	return err == nil && !os.SameFile(now, open), err
}

// skip leaves out what is in the file now.
func (t *tail) skip() error {
	f, err := os.Open(t.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	t.file = f
	t.offset, err = f.Seek(0, io.SeekEnd)
	return err
}

func (t *tail) close() error {
	if t.file == nil {
		return nil
	}
	return t.file.Close()
}
