package exec

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"shmbus/internal/filelock"
	"shmbus/plugins"
)

// lateWrite is how much later than counters and the status state.json may be.
const lateWrite = 500 * time.Millisecond

// A board is the plugin's State, which it keeps in state.json as well. It is safe for concurrent use.
type board struct {
	nook    plugins.Nook
	mine    func() error // says whether the runner's lock was removed: then the file may be another runner's
	log     hclog.Logger
	frames  atomic.Uint64
	bytes   atomic.Uint64
	dropped atomic.Uint64
	coming  atomic.Bool // a write is on its way

	mu    sync.Mutex
	state plugins.State
	bad   bool // the last write has failed, which is logged once
}

// set changes the state, and writes it at once.
func (b *board) set(change func(*plugins.State)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(&b.state)
	b.write()
}

// phase is set for a new phase.
func (b *board) phase(p plugins.Phase, change func(*plugins.State)) {
	b.set(func(s *plugins.State) {
		change(s)
		s.Phase, s.Since = p, time.Now()
	})
}

// status is what the plugin says of itself. It may say so very often: it is written later.
func (b *board) status(text string) {
	b.mu.Lock()
	b.state.Status = text
	b.mu.Unlock()
	b.soon()
}

// count adds frames that were published, their bytes, and frames that were not. It is written later.
func (b *board) count(frames, bytes, dropped int) {
	b.frames.Add(uint64(frames))
	b.bytes.Add(uint64(bytes))
	b.dropped.Add(uint64(dropped))
	b.soon()
}

// soon sees to it that the state is written. With nothing to be written there is no timer.
func (b *board) soon() {
	if b.coming.Swap(true) {
		return
	}
	time.AfterFunc(lateWrite, func() {
		b.coming.Store(false) // before the state is looked at: what comes from now on is for the next write
		b.set(func(*plugins.State) {})
	})
}

// write writes the state. The caller holds b.mu.
func (b *board) write() {
	b.state.Frames, b.state.Bytes, b.state.Dropped = b.frames.Load(), b.bytes.Load(), b.dropped.Load()
	if errors.Is(b.mine(), filelock.ErrRemoved) {
		return
	}
	err := b.nook.WriteState(b.state)
	if err != nil {
		b.soon()
		if !b.bad {
			b.log.Error("the plugin's state cannot be written, which is tried again; it runs on", "error", err)
		}
	}
	b.bad = err != nil
}

// keep writes the state again when somebody has removed it.
func (b *board) keep() {
	if _, err := os.Lstat(b.nook.State()); errors.Is(err, os.ErrNotExist) {
		b.set(func(*plugins.State) {})
	}
}
