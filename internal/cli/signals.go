package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// SameWish is how long another signal is the first one said twice: timeout(1) sends it to its child, and then to the group the child is in.
const SameWish = 100 * time.Millisecond

// OnSignal calls first, on a goroutine of its own, with the first of these signals that comes. After SameWish another one ends the process at once. all:
// also one that was ignored when the process was started, as a script's '&' has it with SIGINT.
func OnSignal(ends []os.Signal, all bool, first func(Signalled)) {
	var ignored []os.Signal
	for _, s := range ends {
		if all && signal.Ignored(s) {
			ignored = append(ignored, s)
		}
	}
	signals, again := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(signals, ends...)
	go func() {
		first(Signalled{<-signals})
		time.Sleep(SameWish)
		if len(ignored) > 0 { // without any it would be all
			signal.Notify(again, ignored...)
		}
		signal.Stop(signals)                           // another signal does what it did before: it ends the process
		os.Exit(Signalled{Signal: <-again}.ExitCode()) // and so does one that would be ignored
	}()
}

// Signalled is why a run was cancelled: the process got a signal. It is a context.Canceled.
type Signalled struct{ os.Signal }

// Error names the signal.
func (s Signalled) Error() string { return "stopped by a signal: " + s.String() }

// Is says that it is a context.Canceled.
func (s Signalled) Is(target error) bool { return target == context.Canceled }

// ExitCode is what a shell makes of a process that such a signal has killed.
func (s Signalled) ExitCode() int {
	if n, ok := s.Signal.(syscall.Signal); ok {
		return 128 + int(n)
	}
	return 1
}
