// Package testproc starts the test binary again as other processes. A test package registers named helpers and calls Main from its
// TestMain; a test starts one with Start, and talks with it in lines over its standard input and output.
//
//	testproc.go   helpers, Main, Start
//	process.go    a running helper
//	memory.go     directories in memory for tests
package testproc

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"sort"
	"strings"
	"testing"
)

// nameVar names the helper to be run.
const nameVar = "SHMBUS_TEST_HELPER"

// RunnerVar names a program, with its arguments, that test binaries are started with: an emulator, when this binary is for another
// processor. It is what "go test -exec" is for the first process.
const RunnerVar = "SHMBUS_TEST_RUNNER"

// Runner is what to put before the name of the test binary in a command.
func Runner() []string { return strings.Fields(os.Getenv(RunnerVar)) }

// A Helper is what a helper process does. What it returns as an error is printed, and the process ends with 1.
type Helper func(p *Peer) error

// Main runs the tests, or the helper that this process was started for. Call it from TestMain.
func Main(m *testing.M, helpers map[string]Helper) {
	name := os.Getenv(nameVar)
	if name == "" {
		os.Exit(m.Run())
	}
	help, ok := helpers[name]
	if !ok {
		var known []string
		for k := range helpers {
			known = append(known, k)
		}
		sort.Strings(known)
		fmt.Fprintf(os.Stderr, "no helper %q; there are %s\n", name, strings.Join(known, ", "))
		os.Exit(2)
	}
	if err := help(&Peer{args: os.Args[1:], in: bufio.NewScanner(os.Stdin)}); err != nil {
		fmt.Fprintf(os.Stderr, "helper %s: %v\n", name, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// A Peer is the test that started this helper.
type Peer struct {
	args []string
	in   *bufio.Scanner
}

// Arg is the i-th argument; "" if there are not so many.
func (p *Peer) Arg(i int) string {
	if i >= len(p.args) {
		return ""
	}
	return p.args[i]
}

// Say prints a line for the test.
func (p *Peer) Say(format string, args ...any) {
	fmt.Fprintf(os.Stdout, format+"\n", args...)
}

// Await reads a line from the test; false when there will be no more.
func (p *Peer) Await() (string, bool) {
	ok := p.in.Scan()
	return p.in.Text(), ok
}

// Command is the command that runs a helper; wrap, if any, is put before it ("strace", "-c").
func Command(wrap []string, helper string, args ...string) (*exec.Cmd, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, err
	}
	line := slices.Concat(wrap, Runner(), []string{binary}, args)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env = append(os.Environ(), nameVar+"="+helper, "GORACE=atexit_sleep_ms=0")
	cmd.Stderr = os.Stderr
	return cmd, nil
}
