package plugins

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// spareSize is how long a State can be where the file system is full, in bytes: one page, the least that a file takes, and several times as long as most
// States are.
const spareSize = 4 << 10

// Reserve takes the room that WriteState needs where the file system is full. What was taken is left alone: a runner may be using it. Where there is no
// room for it any more, that of the state is enough.
func (n Nook) Reserve() error {
	if hasRoom(n.Spare()) {
		return nil
	}
	err := n.reserve()
	if isFull(err) && hasRoom(n.State()) {
		return nil
	}
	return err
}

// hasRoom says whether there is a file with a page of its own.
func hasRoom(path string) bool {
	i, err := os.Stat(path)
	return err == nil && i.Size() > 0
}

func isFull(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }

func (n Nook) reserve() error {
	f, err := os.OpenFile(n.Spare(), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(bytes.Repeat([]byte{'\n'}, spareSize), 0)
	if err = errors.Join(err, f.Close()); err != nil { // half of it is none
		os.Remove(n.Spare())
	}
	return err
}

// WriteState writes state.json, as WriteJSON does. Where the file system is full it writes into the spare, and has the two change places: how a plugin
// has ended must not be forgotten. Where one of them is missing the other one serves as both. Only then somebody who reads while it is written may see half of it.
func (n Nook) WriteState(s State) error {
	err := WriteJSON(n.State(), s)
	if !isFull(err) {
		return err
	}
	if e := n.writeSpare(s); e != nil {
		return fmt.Errorf("%w; nor is there room that was kept for it: %w", err, e)
	}
	return nil
}

func (n Nook) writeSpare(s State) error {
	b, err := brief(s)
	if err != nil {
		return err
	}
	err = overwrite(n.Spare(), b)
	if errors.Is(err, os.ErrNotExist) {
		return overwrite(n.State(), b)
	}
	if err != nil {
		return err
	}
	err = unix.Renameat2(unix.AT_FDCWD, n.Spare(), unix.AT_FDCWD, n.State(), unix.RENAME_EXCHANGE)
	if errors.Is(err, os.ErrNotExist) { // a plugin's first
		return os.Rename(n.Spare(), n.State())
	}
	return err
}

// brief is a State as JSON that the spare has room for. Of what is for people it has the beginning, if need be.
func brief(s State) ([]byte, error) {
	for {
		b, err := json.Marshal(s)
		if err != nil || len(b) <= spareSize {
			return b, err
		}
		longer := &s.Status
		if len(s.Problem) > len(s.Status) {
			longer = &s.Problem
		}
		if *longer == "" {
			return b, nil
		}
		*longer = strings.ToValidUTF8((*longer)[:len(*longer)/2], "")
	}
}

// overwrite writes b into a file that is there.
func overwrite(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(b, 0)
	if err == nil {
		err = f.Truncate(int64(len(b))) // what is left of it keeps its room
	}
	return errors.Join(err, f.Close())
}
