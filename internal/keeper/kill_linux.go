package keeper

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// A process is one process for good, whatever becomes of its pid.
type process struct{ pid, fd int }

func openProcess(pid int) (process, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return process{}, fmt.Errorf("open a pidfd of process %d: %w", pid, err)
	}
	return process{pid, fd}, nil
}

func (p process) kill() error {
	if err := unix.PidfdSendSignal(p.fd, unix.SIGKILL, nil, 0); err != nil {
		return fmt.Errorf("kill process %d: %w", p.pid, err)
	}
	return nil
}

func (p process) close() { _ = unix.Close(p.fd) }
