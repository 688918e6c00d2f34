package testproc

import (
	"regexp"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// Until is a command for scripts: until PATTERN COMMAND ARGS... runs a command again and again until its output matches, for so long at
// most. So scripts wait for conditions, not for time.
func Until(patience time.Duration) func(ts *testscript.TestScript, neg bool, args []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) < 2 {
			ts.Fatalf("usage: until PATTERN COMMAND ARGS...")
		}
		pattern, err := regexp.Compile("(?m)" + args[0])
		ts.Check(err)
		for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
			err := ts.Exec(args[1], args[2:]...)
			out := ts.ReadFile("stdout") + ts.ReadFile("stderr")
			if pattern.MatchString(out) {
				return
			}
			if time.Now().After(end) {
				ts.Fatalf("%q has not shown up: %v: %s", args[0], err, out)
			}
		}
	}
}
