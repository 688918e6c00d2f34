package waketest

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"shmbus/internal/mem"
	"shmbus/internal/testproc"
	"shmbus/wake"
)

// helperEnv names the helper that the test binary is to be instead of running tests.
const helperEnv = "SHMBUS_WAKE_HELPER"

// A stage is the file that two processes share.
type stage struct {
	there, back *wake.Line // bells
	ping, pong  *mem.Word  // what they ring for
}

// openStage maps the stage. The bells and the words lie in lines of their own.
func openStage(path string) (*stage, error) {
	b, err := mapFile(path, true)
	if err != nil {
		return nil, err
	}
	lines, err := mem.View[wake.Line](b, 0, 2)
	if err != nil {
		return nil, err
	}
	words, err := mem.View[mem.Word](b, 128, 16)
	if err != nil {
		return nil, err
	}
	return &stage{&lines[0], &lines[1], &words[0], &words[8]}, nil
}

// helpers are what a second process can do. Each gets the stage, the backend, and a number.
var helpers = map[string]func(*stage, wake.Notifier, uint64) error{
	"echo":      func(s *stage, n wake.Notifier, last uint64) error { return echo(s, n, wake.Block, last) },
	"echo-spin": func(s *stage, n wake.Notifier, last uint64) error { return echo(s, n, wake.Spin, last) },
	"sleep":     sleepForEver,
}

// Main is for TestMain: in a helper process it does what the helper does and exits, otherwise it runs the tests. backends are
// the backends that RunProcesses is called with, by name.
func Main(m *testing.M, backends map[string]func() wake.Notifier) {
	helper, ok := helpers[os.Getenv(helperEnv)]
	if !ok {
		os.Exit(m.Run())
	}
	if err := runHelper(helper, backends, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "helper:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func runHelper(helper func(*stage, wake.Notifier, uint64) error, backends map[string]func() wake.Notifier, args []string) error {
	if len(args) != 3 || backends[args[1]] == nil {
		return fmt.Errorf("want a file, a backend and a number, not %q", args)
	}
	number, err := strconv.ParseUint(args[2], 10, 64)
	if err != nil {
		return err
	}
	s, err := openStage(args[0])
	if err != nil {
		return err
	}
	return helper(s, backends[args[1]](), number)
}

// echo answers every ping with a pong.
func echo(s *stage, n wake.Notifier, strategy wake.Strategy, last uint64) error {
	ctx, cancel := context.WithTimeout(context.Background(), watchdog)
	defer cancel()
	w := wake.NewWaiter(n, strategy)
	defer w.Close()
	for want := uint64(1); want <= last; want++ {
		if err := await(ctx, w, s.there, s.ping, want); err != nil {
			return err
		}
		s.pong.Store(want)
		s.back.Bell.Ring(n)
	}
	return nil
}

// sleepForEver says when it is about to sleep, and sleeps.
func sleepForEver(s *stage, n wake.Notifier, _ uint64) error {
	spy := spyOn(n)
	spy.before = func() { fmt.Println("asleep") }
	w := wake.NewWaiter(spy, wake.Block)
	for {
		if err := w.Wait(context.Background(), &s.there.Bell, never, watchdog); err != nil {
			return err
		}
	}
}

// await waits without a limit until the word has reached want.
func await(ctx context.Context, w *wake.Waiter, line *wake.Line, word *mem.Word, want uint64) error {
	ready := func() bool { return word.Load() >= want }
	for !ready() {
		if err := w.Wait(ctx, &line.Bell, ready, 0); err != nil {
			return fmt.Errorf("waiting for %d, have %d: %w", want, word.Load(), err)
		}
	}
	return nil
}

// helperCommand is this test binary as a helper.
func helperCommand(t testing.TB, helper, path, backend string, number uint64) *exec.Cmd {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	line := append(testproc.Runner(), exe, path, backend, strconv.FormatUint(number, 10))
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env = append(os.Environ(), helperEnv+"="+helper)
	cmd.Stderr = os.Stderr
	return cmd
}

// RunProcesses runs, as subtests of t, what needs a second process. The test binary's TestMain must call Main with this backend
// under this name.
func RunProcesses(t *testing.T, name string, backend func() wake.Notifier) {
	t.Run(name, func(t *testing.T) {
		t.Run("NoWakeIsLostBetweenProcesses", func(t *testing.T) { processHandovers(t, name, backend()) })
		t.Run("AKilledSleeperLeavesNothingBehind", func(t *testing.T) { killedSleeper(t, name, backend()) })
	})
}

func processHandovers(t *testing.T, name string, n wake.Notifier) {
	rounds := uint64(2000)
	if n.Polls() {
		rounds = 20
	}
	path := filepath.Join(t.TempDir(), "stage")
	s, err := openStage(path)
	if err != nil {
		t.Skip(err)
	}
	cmd := helperCommand(t, "echo", path, name, rounds)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w := wake.NewWaiter(n, wake.Block)
	defer w.Close()
	ctx := guarded(t)
	start := time.Now()
	for i := uint64(1); i <= rounds; i++ {
		s.ping.Store(i)
		s.there.Bell.Ring(n)
		if err := await(ctx, w, s.back, s.pong, i); err != nil {
			t.Errorf("%v; the bells are %#x and %#x", err, s.there.Bell.Value(), s.back.Bell.Value())
			if cmd.Process.Signal(syscall.SIGQUIT) != nil { // with which it shows where it is
				_ = cmd.Process.Kill()
			}
			break
		}
	}
	t.Logf("%v one way", time.Since(start)/time.Duration(2*rounds))
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
}

func killedSleeper(t *testing.T, name string, n wake.Notifier) {
	path := filepath.Join(t.TempDir(), "stage")
	s, err := openStage(path)
	if err != nil {
		t.Skip(err)
	}
	cmd := helperCommand(t, "sleep", path, name, 0)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, readErr := bufio.NewReader(out).ReadString('\n')
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed, and says so
	if readErr != nil {
		t.Fatalf("the helper said %q and then %v", line, readErr)
	}
	w := wake.NewWaiter(n, wake.Block)
	defer w.Close()
	results := make(chan error, 1)
	ctx := guarded(t)
	go func() { results <- await(ctx, w, s.there, s.ping, 1) }()
	s.ping.Store(1)
	s.there.Bell.Ring(n)
	if err := within(t, results, "the sleeper that is left"); err != nil {
		t.Fatal(err)
	}
	if s.there.Bell.Asleep() && !n.Polls() {
		s.there.Bell.Ring(n) // the sleeper armed after our ring and saw the word; one idle ring later nothing is left
	}
	if s.there.Bell.Asleep() {
		t.Fatal("the bell still says that somebody sleeps")
	}
}
