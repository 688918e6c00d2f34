package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"time"

	"github.com/spf13/cobra"
)

// What a terminal is told.
const (
	clearScreen = "\x1b[H\x1b[2J"
	cursorHome  = "\x1b[H"
	clearLine   = "\x1b[K" // from the cursor on
	clearBelow  = "\x1b[J"
)

// watch prints what show says, again and again: on a terminal in the same place. Errors are reported, once each, and it goes on.
func (a *app) watch(c *cobra.Command, every time.Duration, show func() ([]byte, error)) error {
	ctx, cancel := context.WithCancelCause(c.Context())
	defer cancel(nil)
	defer watchReader(a.out, func() { cancel(errOutputClosed) })()
	terminal, _ := a.out.(*os.File)
	if terminal != nil && !isTerminal(terminal) {
		terminal = nil
	}
	start := clearScreen
	told := map[string]bool{}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		shown, err := show()
		if err != nil && !told[err.Error()] {
			told[err.Error()] = true
			a.say("%s", text(err))
		}
		if terminal != nil && (err == nil || len(shown) > 0) { // else the message would be cleared away
			columns, rows := terminalSize(terminal)
			shown = append([]byte(start), redrawn(shown, columns, rows)...)
			start = cursorHome
		}
		if _, err := a.out.Write(shown); err != nil {
			return outputError(err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if cause := context.Cause(ctx); errors.Is(cause, errOutputClosed) {
				return cause
			}
			return interrupted(ctx, ctx.Err())
		}
	}
}

// redrawn is text to be written over what is on a terminal, cut so that nothing is wrapped and nothing scrolls. 0 columns or rows are not
// known, and nothing is cut.
func redrawn(text []byte, columns, rows int) []byte {
	var b bytes.Buffer
	n := 0
	for line := range bytes.Lines(text) {
		if n++; n == rows { // the last one stays free
			break
		}
		if runes := bytes.Runes(bytes.TrimSuffix(line, []byte{'\n'})); columns > 0 && len(runes) > columns {
			b.WriteString(string(runes[:columns]))
		} else {
			b.WriteString(string(runes))
		}
		b.WriteString(clearLine + "\n")
	}
	b.WriteString(clearBelow)
	return b.Bytes()
}
