//go:build unix

package main

import (
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	tea "charm.land/bubbletea/v2"
)

// suspend stops the program, as ctrl-z does where it is no key, and brings topResumed when it goes on. The terminal is given back meanwhile.
// (Bubble Tea's own way never comes back where nothing stops.)
func suspend() tea.Cmd {
	return tea.Exec(stopper{}, func(error) tea.Msg { return topResumed{} })
}

// stopLimit is how long after the signal the process is stopped for certain, if it is at all. The kernel does not stop those who have no shell
// that could let them go on again: what a terminal was opened for, or a container.
const stopLimit = 300 * time.Millisecond

// A stopper stops the process group, so that the shell sees it whatever stands between, and returns when it goes on.
type stopper struct{}

func (stopper) Run() error {
	goesOn := make(chan os.Signal, 1)
	signal.Notify(goesOn, syscall.SIGCONT)
	defer signal.Stop(goesOn)
	if err := syscall.Kill(0, syscall.SIGTSTP); err != nil {
		return err
	}
	select { // another thread may take the signal, a little later
	case <-goesOn:
	case <-time.After(stopLimit):
	}
	return nil
}

func (stopper) SetStdin(io.Reader)  {}
func (stopper) SetStdout(io.Writer) {}
func (stopper) SetStderr(io.Writer) {}
