//go:build !linux

package segment

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
)

// unsupported is what every operation says where there is no backend yet.
func unsupported() error {
	return fmt.Errorf("shared segments are not there yet on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}

// backend says why there can be no segments here.
func backend() error { return unsupported() }

// builtinDir is the directory of those who name none and set no variable.
func builtinDir() string {
	return filepath.Join(os.TempDir(), "shmbus-"+strconv.Itoa(os.Geteuid()))
}

func startPoller() error                           { return nil }
func openFile(string, bool) (*file, error)         { return nil, unsupported() }
func createFile(string) (*file, error)             { return nil, unsupported() }
func openDir(string) (*file, error)                { return nil, unsupported() }
func pin(string) (*file, error)                    { return nil, unsupported() }
func statPath(string, bool) (fileStat, error)      { return fileStat{}, unsupported() }
func renameNew(string, string) error               { return unsupported() }
func checkFileSystem(string) error                 { return unsupported() }
func processStart() uint64                         { return 0 }
func processStat(string) (byte, uint64)            { return 0, 0 }
func (f *file) stat() (fileStat, error)            { return fileStat{}, unsupported() }
func (f *file) same() bool                         { return false }
func (f *file) close() error                       { return nil }
func (f *file) readAt([]byte, int64) (int, error)  { return 0, unsupported() }
func (f *file) writeAt([]byte, int64) error        { return unsupported() }
func (f *file) touch() error                       { return unsupported() }
func (f *file) mayRemove() error                   { return unsupported() }
func (f *file) chmod(fs.FileMode) error            { return unsupported() }
func (f *file) chown(int) error                    { return unsupported() }
func (f *file) goFirst()                           {}
func (f *file) lock(int64) error                   { return unsupported() }
func (f *file) unlock(int64, int64) error          { return unsupported() }
func (f *file) locked(int64) (bool, error)         { return false, unsupported() }
func (f *file) lockedAny(_, _ int64) (bool, error) { return false, unsupported() }
func (f *file) reserve(int64, int64) error         { return unsupported() }
func (f *file) giveBack(int64, int64)              {}
func (f *file) truncate(int64) error               { return unsupported() }
func (f *file) punch(int64, int64) error           { return unsupported() }

func mapShared(*file, int64, int64, int64, bool) ([]byte, error) { return nil, unsupported() }
func unmap([]byte) error                                         { return unsupported() }
func protect([]byte, bool) error                                 { return unsupported() }
func revoke([]byte) error                                        { return unsupported() }
func contains([]byte, uintptr) bool                              { return false }
func offsetIn([]byte, uintptr) uintptr                           { return 0 }
func noSpaceInHole(string, string, int64) error                  { return unsupported() }
