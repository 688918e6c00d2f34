//go:build !linux

package supervise

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"

	"shmbus/plugins"
)

const supported = false

type identity struct{ Size, Mtim int64 }

func identify(i os.FileInfo) identity           { return identity{i.Size(), i.ModTime().UnixNano()} }
func (i identity) changed() time.Time           { return time.Unix(0, i.Mtim) }
func owner(os.FileInfo) int                     { return os.Geteuid() }
func beingWritten(string) bool                  { return false }
func start(*exec.Cmd) (*os.File, error)         { return nil, errors.ErrUnsupported }
func sendSignal(*os.File, syscall.Signal) error { return errors.ErrUnsupported }
func killGroup(*os.File) error                  { return errors.ErrUnsupported }
func waitFor(*os.File) error                    { return errors.ErrUnsupported }
func keepFiles() error                          { return errors.ErrUnsupported }
func suspended(int) bool                        { return false }

func openProcess(plugins.Process) (*os.File, error) { return nil, errors.ErrUnsupported }
func processOf(int) (plugins.Process, error)        { return plugins.Process{}, errors.ErrUnsupported }
func peer(*net.UnixConn) (uid, pid int, err error)  { return 0, 0, errors.ErrUnsupported }
