package exec

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestTheLastWordsAreTheWeightiest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l lastWords
		said := func(want string) {
			t.Helper()
			if got := l.tell(); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
		say := func(line, module string) {
			e := parseLine([]byte(line))
			l.say(e.short(), weigh(e, module))
		}
		said("")
		say("to stdout", stdout)
		said("; it said last: to stdout")
		say("to stderr", "")
		say("more to stdout", stdout)
		said("; it said last: to stderr")
		say(`{"@level":"error","@message":"it has failed","error":"no sensor"}`, "")
		say("a remark", "")
		said("; it said last: it has failed: no sensor")
		for _, line := range []string{"panic: boom", "", "goroutine 1 [running]:", "main.main()", "\t/src/main.go:26 +0x1a", "exit status 2"} {
			say(line, "")
		}
		said("; it said last: panic: boom")
		time.Sleep(2 * closeBy) // not synchronisation: the clock of the bubble
		say("much later", stdout)
		said("; it said last: much later")
		l.forget()
		said("")
	})
}
