package exec

import (
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// lastWords is what a plugin has said last, in a few words: mostly it says why it has failed. Of what comes within a second the weightiest is kept: a
// stack, or what was still in another buffer, may come behind the reason. It is safe for concurrent use.
type lastWords struct {
	mu   sync.Mutex
	text string
	weight
	at time.Time
}

// closeBy is how long words stand against lighter ones.
const closeBy = time.Second

// A weight says how much a line may tell about the plugin's end.
type weight int

const (
	printed weight = iota // it is of standard output
	remark
	complaint // an entry of level error
	lastGasp  // Go's word for why a program ends
)

// weigh is the weight of a line.
func weigh(l logLine, module string) weight {
	switch {
	case module == stdout:
		return printed
	case strings.HasPrefix(l.msg, "panic: "), strings.HasPrefix(l.msg, "fatal error: "):
		return lastGasp
	case l.level >= hclog.Error:
		return complaint
	}
	return remark
}

// say adds words.
func (l *lastWords) say(s string, w weight) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); w >= l.weight || now.Sub(l.at) > closeBy {
		l.text, l.weight, l.at = s, w, now
	}
}

// forget is for a plugin that is started again.
func (l *lastWords) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text, l.weight = "", printed
}

// tell is the end of a sentence about the plugin's failure.
func (l *lastWords) tell() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.text == "" {
		return ""
	}
	return "; it said last: " + l.text
}
