// Busd keeps the plugins of a bus running, and keeps house. Data never passes through it: when it is killed, every frame still flows.
//
// Reading order: main.go, run.go (the command tree, exit codes, errors), settings.go (busd.toml and what stands for it), supervise.go
// ('busd run': its parts and their common life), lock.go (one busd on a bus), log.go, systemd.go, check.go, plugins.go and logs.go
// ('busd plugins'), version.go, completion.go. Runner.go and builtin.go are other processes of the same binary.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"shmbus/internal/cli"
)

func main() { os.Exit(start()) }

// start runs busd with the process's arguments and signals.
func start() int {
	// A closed standard output is an error of write, and no deadly signal. It is caught and not ignored: plugins would inherit that.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	runner := len(os.Args) > 1 && os.Args[1] == "runner" // it is not to end before its plugin
	cli.OnSignal(ends, !runner, func(sig cli.Signalled) { cancel(sig) })
	return run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
}
