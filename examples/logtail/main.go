// Logtail puts the lines of a growing file on the bus, and reads them there: an archiver that misses none, and a counter that nobody
// waits for.
//
//	go run ./examples/logtail demo
//	go run ./examples/logtail follow app.log
//	go run ./examples/logtail archive copy.log
//	go run ./examples/logtail count ERROR
//
// Reading order: tail.go (a file as lines), follow.go (onto the bus), readers.go (from the bus), demo.go.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"syscall"

	"shmbus/bus"
)

const usage = `usage: logtail [-bus DIR] [-topic NAME] [-n LINES] [-new] [-wait N] VERB

  demo              make a file, follow it, read it, and end
  follow FILE       publish the lines of FILE, and those that are appended later
  archive FILE      write all lines to FILE; the follower waits if this is slow
  count PATTERN     count the lines that match; nobody waits for this

`

// options are what the command line says.
type options struct {
	dir   string
	topic string
	lines int  // end after so many; 0: never
	fresh bool // follow: only lines that are appended from now on

	readers int // follow: begin when so many have joined
}

func main() {
	var o options
	f := flag.CommandLine
	f.StringVar(&o.dir, "bus", "", "bus directory; empty: the user's own")
	f.StringVar(&o.topic, "topic", "logs/app", "topic of the lines")
	f.IntVar(&o.lines, "n", 0, "archive, count: end after so many lines; 0: never")
	f.BoolVar(&o.fresh, "new", false, "follow: leave out what is in the file already")
	f.IntVar(&o.readers, "wait", 0, "follow: begin when so many readers have joined")
	f.Usage = func() {
		fmt.Fprint(f.Output(), usage)
		f.PrintDefaults()
	}
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, o, f.Args(), os.Stdout)
	if errors.Is(err, context.Canceled) { // Ctrl-C is how these end
		err = nil
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "logtail:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, args []string, out io.Writer) error {
	if len(args) == 1 && args[0] == "demo" {
		return demo(ctx, out)
	}
	if len(args) != 2 {
		return errors.New("give a verb and its argument; -h tells more")
	}
	verb, arg := args[0], args[1]
	b, err := bus.Open(o.dir)
	if err != nil {
		return err
	}
	defer b.Close()
	switch verb {
	case "follow":
		return follow(ctx, b, o, arg)
	case "archive":
		return archive(ctx, b, o, arg)
	case "count":
		pattern, err := regexp.Compile(arg)
		if err != nil {
			return err
		}
		return count(ctx, b, o, pattern, out)
	}
	return fmt.Errorf("no such verb: %q; -h tells more", verb)
}
