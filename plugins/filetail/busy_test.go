//go:build linux

package filetail

import (
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/plugins/plugintest"
)

// TestNoLineIsMissedOrTwiceWhileALogIsRotated writes as quickly as it can. Who rotates a log waits until something of it was read: a file
// that has come and gone between two looks cannot be seen.
func TestNoLineIsMissedOrTwiceWhileALogIsRotated(t *testing.T) {
	const lines, each = 20000, 700
	dir := t.TempDir()
	log, state := filepath.Join(dir, "a.log"), filepath.Join(dir, "state")
	appendTo(t, log, "")
	b := plugintest.NewBus(t)
	noError(t, b.CreateTopic("l", bus.TopicOptions{Policy: bus.PolicyLossless}))
	s, err := b.Subscribe(t.Context(), "l", bus.Lossless())
	noError(t, err)
	defer s.Close()
	config := table(t, "paths", []string{log}, "topic", "l", "rescan", "500ms", "state", state, "from", "start")
	h := plugintest.StartOn(t, b, Run, config)
	h.Ready()
	var read atomic.Int64
	written := make(chan error, 1)
	go func() { written <- write(log, lines, each, &read) }()
	for i := range lines {
		h.Expect(s, fmt.Sprint(i))
		read.Store(int64(i))
		if i%5000 == 4999 { // it is stopped and started meanwhile
			h.Stop()
			h = plugintest.StartOn(t, b, Run, config)
		}
	}
	noError(t, <-written)
	h.Stop()
	if f, err := s.TryReceive(); f != nil || err != nil {
		t.Errorf("there is more: %v, %v", f, err)
	}
}

// write writes numbered lines in pieces that end anywhere.
func write(log string, lines, each int, read *atomic.Int64) error {
	f, err := os.OpenFile(log, os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	var rest []byte
	for i := range lines {
		rest = fmt.Appendln(rest, i)
		if i%3 == 0 {
			if _, err := f.Write(rest[:len(rest)-1]); err != nil {
				return err
			}
			rest = append(rest[:0], '\n')
		}
		if (i+1)%each != 0 && i != lines-1 {
			continue
		}
		if _, err := f.Write(rest); err != nil {
			return err
		}
		rest = rest[:0]
		if err := f.Close(); err != nil {
			return err
		}
		for end := time.Now().Add(plugintest.Patience); read.Load() < int64(i-i%each); {
			if time.Now().After(end) {
				return fmt.Errorf("line %d was not read", i-i%each)
			}
			time.Sleep(100 * time.Microsecond) // not synchronisation: it looks again and again
		}
		if err := os.Rename(log, fmt.Sprint(log, ".", i/each%3)); err != nil {
			return err
		}
		if f, err = os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
			return err
		}
	}
	return f.Close()
}
