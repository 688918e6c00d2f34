package plugins

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/hashicorp/go-hclog"

	"shmbus/bus"
)

// A Func is what a plugin does. It returns when ctx is done, which is when it is told to end (SIGTERM, or an interrupt), and earlier if it
// has no more to do or has failed. Its error is logged, and makes it a failure that busd answers with a restart; the end of ctx is none.
type Func func(ctx context.Context, p *Plugin) error

// Serve runs f as a plugin with contract bus, and ends the process: with 0, with 1 after an error, or with 2 if it was not started by a
// runner. Call it from main, first of all: standard output begins with the handshake. A panic is not recovered: it ends the process, its text is
// in the plugin's log, and the plugin is started again.
func Serve(f Func) { os.Exit(serve(f)) }

func serve(f Func) (code int) {
	if os.Getenv(EnvCookie) != Cookie {
		fmt.Fprint(os.Stderr, byHand(os.Args))
		return 2
	}
	if spoken := os.Getenv(EnvVersions); !slices.Contains(strings.Fields(spoken), strconv.Itoa(Version)) {
		fmt.Fprintf(os.Stderr, "this plugin speaks version %d of the contract, and busd speaks %.100q: build the plugin and busd from versions that fit\n",
			Version, spoken)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	p := &Plugin{Name: os.Getenv(EnvName)}
	if p.Name == "" {
		p.Name = filepath.Base(os.Args[0])
	}
	p.Log = hclog.New(&hclog.LoggerOptions{Name: p.Name, JSONFormat: true, Output: os.Stderr})
	p.watchdog.set(os.Getenv(EnvWatchdog))
	context.AfterFunc(ctx, func() {
		stop() // a second signal ends the process at once
		p.tell("STOPPING=1")
	})
	fmt.Println(Handshake{Version: Version, Contract: Direct})
	err := p.run(ctx, f)
	if err != nil && !(ctx.Err() != nil && errors.Is(err, context.Canceled)) {
		p.Log.Error("the plugin has failed", "error", err)
		return 1
	}
	return 0
}

// run opens the bus for f.
func (p *Plugin) run(ctx context.Context, f Func) (err error) {
	if p.Bus, err = bus.Open("", bus.WithLogger(p.Log.Named("bus"))); err != nil { // "" is EnvBus
		return err
	}
	err = f(ctx, p)
	if e := p.Bus.Close(); err == nil {
		err = e
	}
	return err
}

// byHand is what somebody is told who has started a plugin by hand.
func byHand(args []string) string {
	line := []string{
		EnvCookie + "=" + Cookie, fmt.Sprintf("%s=%d", EnvVersions, Version), EnvBus + "=/dev/shm/shmbus-try", EnvConfig + "='{}'",
	}
	for _, a := range args {
		line = append(line, quoteForShell(a))
	}
	return `This is a publisher plugin of a shared-memory bus. busd starts it; by hand there is nothing for it to do.

To install it, put it into busd's plugin directory, or a manifest that names it: see docs/PLUGINS.md.
'busd check' says what would run.

To try it in this terminal, on a bus of its own, run

  ` + strings.Join(line, " ") + `

and in another one

  buscat --bus /dev/shm/shmbus-try '**'
`
}

func quoteForShell(s string) string {
	plain := func(r rune) bool {
		return r < 0x80 && strings.ContainsRune("%+,-./:=@_", r) || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
