package main

import "time"

// watchIdle calls idle when no frame to print has come for t.timeout. stop ends the watch.
func (t *tap) watchIdle(idle func()) (stop func()) {
	if t.timeout == 0 {
		return func() {}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = time.Now()
	var timer *time.Timer
	timer = time.AfterFunc(t.timeout, func() {
		t.mu.Lock() // also, while output is written nothing is idle
		defer t.mu.Unlock()
		if left := t.timeout - time.Since(t.last); left > 0 {
			timer.Reset(left)
			return
		}
		idle()
	})
	return func() { timer.Stop() }
}
