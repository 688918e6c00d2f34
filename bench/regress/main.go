//go:build linux

// Regress compares the tree with an earlier commit: it builds buscat of both and runs "buscat bench" of the one and the other in turn,
// many times, so that what the machine does otherwise hits both. It exits with 1 if something has become more than a tenth slower.
//
//	cd bench && go run ./regress              the tree with the commit before it
//	cd bench && go run ./regress v1.2 -cells latency
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	lost, err := run(ctx, os.Args[1:])
	stop()
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "regress:", err)
		os.Exit(2)
	case lost:
		os.Exit(1)
	}
}

// A cell is one measurement.
type cell struct {
	name string
	args []string
	// beside says that the bare hardware is measured as fast as the bus is, so that ratios to it say more than the figures.
	beside bool
}

var cells = []cell{
	{"latency-spin-64", []string{"--mode", "latency", "--wait", "spin"}, true},
	{"latency-block-64", []string{"--mode", "latency", "--wait", "block"}, false},
	{"latency-spin-64K", []string{"--mode", "latency", "--wait", "spin", "--size", "64KiB"}, false},
	{"throughput-64", []string{"--wait", "spin"}, true},
	{"throughput-64-time", []string{"--wait", "spin", "--time"}, true},
	{"throughput-64-exclusive", []string{"--wait", "spin", "--exclusive"}, true},
	{"throughput-64-batch", []string{"--wait", "spin", "--batch", "32"}, true},
	{"throughput-64-overwrite", []string{"--wait", "spin", "--policy", "overwrite"}, true},
	{"throughput-1K", []string{"--wait", "spin", "--size", "1KiB"}, false},
	{"throughput-64K", []string{"--wait", "block", "--size", "64KiB"}, false},
	{"throughput-2to1", []string{"--publishers", "2", "--wait", "adaptive"}, false},
	{"throughput-1to2", []string{"--subscribers", "2", "--wait", "adaptive"}, false},
}

// pairsAtLeast is how many pairs a verdict needs.
const pairsAtLeast = 10

func run(ctx context.Context, args []string) (lost bool, err error) {
	f := flag.NewFlagSet("regress [REV]", flag.ContinueOnError)
	only := f.String("cells", "", "only `those` whose names begin so, with commas")
	pairs := f.Int("pairs", 11, "`how often` the two are compared")
	long := f.Duration("time", 500*time.Millisecond, "of each measurement")
	rev := ""
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		rev, args = args[0], args[1:]
	}
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return false, nil
		}
		return false, err
	}
	if f.NArg() > 0 || *pairs < 1 || *long <= 0 {
		return false, errors.New("usage: regress [REV] [-cells …] [-pairs N] [-time D]")
	}
	if err := known(*only); err != nil {
		return false, err
	}
	b, err := build(ctx, rev)
	if err != nil {
		return false, err
	}
	defer b.close()
	fmt.Printf("%s and, in turn, %s; %d pairs, %v each\n", b.after.what, b.before.what, *pairs, *long)
	for _, c := range cells {
		if !wanted(c.name, *only) {
			continue
		}
		r, err := compare(ctx, b, c, *pairs, *long)
		if err != nil {
			return lost, fmt.Errorf("%s: %w", c.name, err)
		}
		fmt.Println(r)
		lost = lost || r.lost()
	}
	if *pairs < pairsAtLeast {
		fmt.Printf("fewer than %d pairs: an impression, no verdict\n", pairsAtLeast)
	}
	return lost, nil
}

// known is an error if a word means no cell: what was not measured has not become slower.
func known(only string) error {
	for w := range strings.SplitSeq(only, ",") {
		nothing := w == "" && only != "" // behind a comma in the end; each name begins so
		if nothing || !slices.ContainsFunc(cells, func(c cell) bool { return wanted(c.name, w) }) {
			names := make([]string, len(cells))
			for i, c := range cells {
				names[i] = c.name
			}
			return fmt.Errorf("-cells %q: no cell's name begins so; there are %s", w, strings.Join(names, ", "))
		}
	}
	return nil
}

func wanted(name, only string) bool {
	for w := range strings.SplitSeq(only, ",") {
		if strings.HasPrefix(name, w) {
			return true
		}
	}
	return false
}

// A built is buscat of one state of the tree.
type built struct{ what, path string }

// builds are both, in a directory of their own.
type builds struct {
	dir           string
	before, after built
	root          string
	worktree      string
}

// build builds the tree and the commit rev; "" is the commit before the tree: HEAD if the tree has changes, or else the one before HEAD.
func build(ctx context.Context, rev string) (*builds, error) {
	top, err := output(ctx, "", "git", "rev-parse", "--show-toplevel")
	if err != nil {
		return nil, err
	}
	if rev == "" {
		rev = "HEAD^"
		if changes, err := output(ctx, top, "git", "status", "--porcelain", "--untracked-files=no"); err != nil || changes != "" {
			rev = "HEAD"
		}
	}
	name, err := output(ctx, top, "git", "log", "-1", "--format=%h (%s)", rev)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "shmbus-regress-")
	if err != nil {
		return nil, err
	}
	b := &builds{dir: dir, root: top, worktree: filepath.Join(dir, "tree")}
	b.after, b.before = built{"the tree", filepath.Join(dir, "after")}, built{name, filepath.Join(dir, "before")}
	_, err = output(ctx, top, "git", "worktree", "add", "--detach", b.worktree, rev)
	if err == nil {
		_, err = output(ctx, b.worktree, "go", "build", "-o", b.before.path, "./cmd/buscat")
	}
	if err == nil {
		_, err = output(ctx, top, "go", "build", "-o", b.after.path, "./cmd/buscat")
	}
	if err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

// close removes the programs, and git's note of the other tree. It is done also when all was interrupted.
func (b *builds) close() {
	_, _ = output(context.Background(), b.root, "git", "worktree", "remove", "--force", b.worktree)
	os.RemoveAll(b.dir)
}

// output runs a command and gives what it prints.
func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, name, args...)
	c.Dir = dir
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) } // so that it can remove what it has made
	c.WaitDelay = 10 * time.Second
	out, err := c.Output()
	if err != nil {
		var e *exec.ExitError
		if errors.As(err, &e) {
			err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(e.Stderr)))
		}
		return "", errors.Join(ctx.Err(), fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err))
	}
	return strings.TrimSpace(string(out)), nil
}

// measured is what is read of what "buscat bench --json" prints.
type measured struct {
	Messages float64                        `json:"throughput_msgs_per_s"`
	Latency  *struct{ P50 float64 }         `json:"latency_ns"`
	Ratio    struct{ Stream, Ring float64 } `json:"ratio"`
}

// cost is what counts: more is worse.
func (m *measured) cost(c cell) (float64, error) {
	v := 0.0
	switch {
	case m.Latency != nil && c.beside:
		v = m.Ratio.Ring
	case m.Latency != nil:
		v = m.Latency.P50
	case c.beside && m.Messages > 0:
		if !(m.Ratio.Stream > 0) { // nanoseconds on one side and a ratio on the other cannot be compared
			return 0, fmt.Errorf("its buscat bench gives no ratio to the bare stream, which %s is compared by; leave this cell out, with -cells", c.name)
		}
		v = 1 / m.Ratio.Stream
	case m.Messages > 0:
		v = 1e9 / m.Messages
	}
	if !(v > 0) {
		return 0, errors.New("buscat bench has measured nothing")
	}
	return v, nil
}

// once runs one of the two.
func once(ctx context.Context, b built, c cell, long time.Duration) (float64, error) {
	out, err := output(ctx, "", b.path, append([]string{"bench", "--json", "--duration", long.String()}, c.args...)...)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", b.what, err)
	}
	var m measured
	if err := json.Unmarshal([]byte(out), &m); err != nil {
		return 0, fmt.Errorf("%s: %w", b.what, err)
	}
	v, err := m.cost(c)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", b.what, err)
	}
	return v, nil
}

// compare runs both so many times, each pair in the other order than the one before.
func compare(ctx context.Context, b *builds, c cell, pairs int, long time.Duration) (r result, err error) {
	r.name, r.beside = c.name, c.beside
	for i := range pairs {
		first, second := b.before, b.after
		if i%2 == 1 {
			first, second = second, first
		}
		x, err := once(ctx, first, c, long)
		if err != nil {
			return r, err
		}
		y, err := once(ctx, second, c, long)
		if err != nil {
			return r, err
		}
		if i%2 == 1 {
			x, y = y, x
		}
		r.before, r.after = append(r.before, x), append(r.after, y)
	}
	return r, nil
}
