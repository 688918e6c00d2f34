// Buscat is the shell's way onto the bus: it prints topics, publishes lines, and shows what is there.
//
// Reading order: main.go, run.go (the command tree, exit codes, errors), then one file per verb: tap.go, pub.go, create.go, ls.go,
// stat.go, rm.go, doctor*.go (with what is around the bus: doctor_env_linux.go and so on), kick.go, prune.go, version.go.
//
// Tap: tapoptions.go and from.go (the flags), stream.go (one topic) and multi.go (several), every.go and idle.go (its clocks), output.go,
// json.go, hex.go, format.go and colour.go (how frames are printed), filter.go (jq), jqfields.go (what it looks at), jsonvalue.go
// (what it works on), msgpack.go (to JSON), escape.go, loss.go, stuck.go (publishers that died), pipe_*.go (the reader that goes away), terminal_*.go. Pub: input.go, source.go (pipes, files, again), split.go
// (where frames end), jsonmsgpack.go, pace.go. Ls and stat: tree.go, watch.go, rates.go, winsize_*.go. hz.go and bw.go share measure.go,
// meter.go (one topic) and series.go; delay.go has histogram.go. Top is top.go (between terminal and bus), top_model.go (state and keys),
// top_view.go, top_columns.go, top_detail.go (an open topic), top_sample.go, top_suspend_*.go. completion.go and man.go work on the whole
// command tree.
// Recordings: record.go, record_run.go (one topic), record_backlog.go (what is there before), record_reel.go (the files), replay.go, replay_player.go, replay_list.go.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"shmbus/internal/bench"
	"shmbus/internal/cli"
)

func main() {
	bench.Serve() // this may be a process of 'buscat bench'
	os.Exit(start())
}

// start runs buscat with the process's arguments and signals.
func start() int {
	if os.Getenv("GOMAXPROCS") == "" && runtime.GOMAXPROCS(0) == 1 {
		runtime.GOMAXPROCS(2) // the only P would be taken from who sleeps, and have to be looked for after each sleep: twice to three times the CPU
	}
	// A closed standard output is an error of write, and no deadly signal.
	signal.Ignore(syscall.SIGPIPE)
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup has had it ignored
		ends = append(ends, syscall.SIGHUP)
	}
	cli.OnSignal(ends, true, func(sig cli.Signalled) {
		signal.Ignore(syscall.SIGHUP) // who closes a terminal is followed by the shell and by the kernel: that is one wish, said twice
		cancel(sig)
		time.AfterFunc(stuckOutput, func() {
			finishing.Wait()
			os.Exit(sig.ExitCode())
		})
	})
	return run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
}

// stuckOutput is how long an interrupted buscat tries to get rid of its last output when nobody reads it.
const stuckOutput = 300 * time.Millisecond
