package plugins

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// spareSize is how long a State can be where the file system is full, in bytes: one page, which is several times as long as they are.
const spareSize = 4 << 10

// Reserve takes the room that WriteState needs where the file system is full. What was taken is left alone: a runner may be using it.
func (n Nook) Reserve() error {
	if i, err := os.Stat(n.Spare()); err == nil && i.Size() > 0 {
		return nil
	}
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
	if !errors.Is(err, unix.ENOSPC) && !errors.Is(err, unix.EDQUOT) {
		return err
	}
	if e := n.writeSpare(s); e != nil {
		return fmt.Errorf("%w; nor is there room that was kept for it: %w", err, e)
	}
	return nil
}

func (n Nook) writeSpare(s State) error {
	b, err := json.Marshal(s)
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
