package filetail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// chunk is how much is read at once, in bytes.
const chunk = 64 << 10

// longestLine is how long a line may be, in bytes; it may also be no longer than a frame.
const longestLine = 1 << 20

// fingerprint is how much of a file's beginning tells it from others, in bytes.
const fingerprint = 256

// An input is an open file.
type input struct {
	file  *os.File
	id    string    // of the file
	dir   string    // where it was when it was opened
	at    int64     // what is before it was published
	begun []byte    // what was read from at on: the beginning of a line
	head  []byte    // the first bytes that were read of the file, at most fingerprint
	until time.Time // when its time is over, if it was replaced
	over  int       // how many scans there had been when it could not be passed on then; 0: it is not over
}

// grown says whether there is more in the file than has been read.
func (in *input) grown() bool {
	info, err := in.file.Stat()
	return err == nil && info.Size() > in.at+int64(len(in.begun))
}

// openInput opens a file. Only regular files have an end that moves: a pipe would make us wait for its writer.
func (f *follower) openInput(path string) (*input, error) {
	regular := func(info os.FileInfo, err error) (string, error) {
		if err != nil {
			return "", err
		}
		if !info.Mode().IsRegular() {
			return "", errors.New("it is no regular file")
		}
		return fileID(info), nil
	}
	if _, err := regular(os.Stat(path)); err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	id, err := regular(file.Stat())
	if err != nil {
		file.Close()
		return nil, err
	}
	in := &input{file: file, id: id}
	f.files[id]++
	if real, err := filepath.EvalSymlinks(path); err == nil {
		in.dir = filepath.Dir(real)
	}
	return in, nil
}

// closeInput closes a file.
func (f *follower) closeInput(in *input) error {
	f.leaveFile(in.id)
	return in.file.Close()
}

// leaveFile counts one less who has a file.
func (f *follower) leaveFile(id string) {
	if f.files[id]--; f.files[id] <= 0 {
		delete(f.files, id)
	}
}

// read publishes the whole lines that are new. It ends at the end of the file, or when it has read about most bytes or ctx, t's turn, is over:
// then there is more.
func (in *input) read(ctx context.Context, t *tail, most int) (more bool, err error) {
	anew, err := in.truncated()
	if err != nil {
		return false, fmt.Errorf("following %s: %w", t.path, err)
	}
	if anew {
		t.f.log.Info("a file was truncated, and is read from its start", "path", t.path)
		in.at, in.begun, in.head = 0, nil, nil
	}
	for done := 0; done < most; {
		if ctx.Err() != nil {
			return true, t.f.ctx.Err()
		}
		// The line that has begun, and what comes behind it, in the one buffer that all files share.
		begun := len(in.begun)
		if len(t.f.scratch) < begun+chunk {
			t.f.scratch = make([]byte, 2*begun+chunk)
		}
		b := t.f.scratch
		copy(b, in.begun)
		n, end := in.file.ReadAt(b[begun:], in.at+int64(begun))
		if end != nil && end != io.EOF {
			return false, fmt.Errorf("following %s: %w", t.path, end)
		}
		done += n
		if all, err := in.split(ctx, t, b[:begun+n], begun); err != nil || !all {
			return true, err
		}
		if end != nil {
			return false, nil
		}
	}
	return true, nil
}

// split publishes the lines in b, which begins at in.at and has no newline before searched. A line that is too long is
// published in pieces. all: there was room for them; if not, what there was none for is read again.
func (in *input) split(ctx context.Context, t *tail, b []byte, searched int) (all bool, err error) {
	longest := min(t.pub.MaxFrame(), longestLine)
	lines, from := t.f.lines[:0], 0 // from: where the next line begins
	var end []int                   // of each line in b, behind its newline
	for {
		i := bytes.IndexByte(b[searched:], '\n')
		for whole := searched + i; i < 0 && len(b)-from > longest || i >= 0 && whole-from > longest; {
			lines, from = append(lines, b[from:from+longest]), from+longest
			end = append(end, from)
		}
		if i < 0 {
			break
		}
		lines = append(lines, b[from:searched+i])
		from = searched + i + 1
		searched = from
		end = append(end, from)
	}
	t.f.lines = lines
	if known := len(in.head); known < fingerprint && known-int(in.at) < len(b) { // and then all that was read before is in it
		in.head = append(in.head, b[known-int(in.at):min(fingerprint-int(in.at), len(b))]...)
	}
	n := 0
	if len(lines) > 0 {
		n, err = t.publish(ctx, lines)
	}
	used := 0
	if n > 0 {
		used = end[n-1]
	}
	in.at += int64(used)
	if n < len(lines) {
		in.begun = in.begun[:0]
		return false, err
	}
	in.begun = append(in.begun[:0], b[used:]...)
	return true, err
}

// rest publishes the line that has begun, when nothing more will come. more: there was no room for it.
func (in *input) rest(ctx context.Context, t *tail) (more bool, err error) {
	if len(in.begun) == 0 {
		return false, nil
	}
	pieces := slices.Collect(slices.Chunk(in.begun, min(t.pub.MaxFrame(), longestLine)))
	n, err := t.publish(ctx, pieces)
	for _, piece := range pieces[:n] {
		in.at += int64(len(piece))
		in.begun = in.begun[len(piece):]
	}
	return n < len(pieces), err
}

// begin has in begin at an offset, with the knowledge of what is before it.
func (in *input) begin(at int64) error {
	head := make([]byte, min(at, fingerprint))
	n, err := in.file.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return err
	}
	if n < len(head) {
		return errors.New("it was truncated just now")
	}
	in.at, in.head = at, head
	return nil
}

// truncated says whether the file is not the one that was read, but begun anew.
func (in *input) truncated() (bool, error) {
	info, err := in.file.Stat()
	if err != nil {
		return false, err
	}
	if info.Size() < in.at+int64(len(in.begun)) {
		return true, nil
	}
	var now [fingerprint]byte
	n, err := in.file.ReadAt(now[:len(in.head)], 0)
	if err != nil && err != io.EOF {
		return false, err
	}
	return !bytes.Equal(now[:n], in.head), nil
}

// lastLine is where the last line begins, which may be still to be finished: the end of the file, if that ends with a newline, or if
// there is none for as long as a line may be.
func (in *input) lastLine() (int64, error) {
	info, err := in.file.Stat()
	if err != nil {
		return 0, err
	}
	b := make([]byte, min(info.Size(), longestLine))
	begin := info.Size() - int64(len(b))
	n, err := in.file.ReadAt(b, begin)
	if err != nil && err != io.EOF {
		return 0, err
	}
	if i := bytes.LastIndexByte(b[:n], '\n'); i >= 0 || begin == 0 {
		return begin + int64(i) + 1, nil
	}
	return info.Size(), nil
}
