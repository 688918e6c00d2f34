package main

import (
	"fmt"
	"time"
)

// lossEvery is how often lost frames are reported at most.
const lossEvery = time.Second

// A lossReport tells the user about frames that were lost: while it goes on at most once a second, and at the end.
type lossReport struct {
	say   func(format string, args ...any)
	topic string // to be named, or ""
	known uint64 // lost by now
	told  uint64 // of which the user knows
	last  time.Time
}

// look takes notice of how many frames are lost by now.
func (l *lossReport) look(lost uint64) {
	l.known = lost
	if l.known != l.told && time.Since(l.last) >= lossEvery {
		l.say("lost %s%s (%d in all)", frames(l.known-l.told), l.of(), l.known)
		l.told, l.last = l.known, time.Now()
	}
}

// pending says whether there is something that the user has not been told.
func (l *lossReport) pending() bool { return l.known != l.told }

// end tells the total.
func (l *lossReport) end() {
	if l.known > 0 {
		l.say("%s%s lost in all", frames(l.known), l.of())
	}
}

func (l *lossReport) of() string {
	if l.topic == "" {
		return ""
	}
	return fmt.Sprintf(" of topic %q", l.topic)
}
