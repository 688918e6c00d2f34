// Buscat is the shell's way onto the bus: it prints topics, publishes lines, and shows what is there.
//
// Reading order: main.go, run.go (the command tree, exit codes, errors), then one file per verb: tap.go, pub.go, create.go, ls.go,
// stat.go, rm.go, doctor.go, prune.go, version.go. What tap needs: from.go (where it starts), sink.go (output), msgpack.go (to JSON), escape.go,
// loss.go, stuck.go (publishers that died), pipe_*.go (the reader that goes away), terminal_*.go. What pub needs: input.go (standard input in frames), pace.go.
// Recordings: record.go, record_run.go (one topic), record_reel.go (the files), replay.go, replay_player.go, replay_list.go.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() { os.Exit(start()) }

// start runs buscat with the process's arguments and signals.
func start() int {
	// A closed standard output is an error of write, and no deadly signal.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, func() {
		stop() // a second signal ends the process at once
		time.Sleep(stuckOutput)
		finishing.Wait()
		os.Exit(exitOK)
	})
	return run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
}

// stuckOutput is how long an interrupted buscat tries to get rid of its last output when nobody reads it.
const stuckOutput = 300 * time.Millisecond
