package exec

import "time"

// A pace is how quickly a plugin's log is read: perSecond lines, and as many at once after a pause. It is for one goroutine.
type pace struct {
	left float64
	last time.Time
	free <-chan struct{} // when it is closed there is no pace any more: the plugin has ended, and what is left of its log is little
}

// perSecond is how many lines a second are read from a log; a line of several KiB counts as several.
const perSecond = 2000

func newPace(free <-chan struct{}) *pace { return &pace{left: perSecond, last: time.Now(), free: free} }

// wait waits until n more may be read.
func (p *pace) wait(n int) {
	now := time.Now()
	p.left = min(p.left+now.Sub(p.last).Seconds()*perSecond, perSecond) - float64(n)
	p.last = now
	if p.left >= 0 {
		return
	}
	// In slices of some lines, so that there are not as many timers as lines.
	t := time.NewTimer(time.Duration((-p.left + perSecond/100) / perSecond * float64(time.Second)))
	defer t.Stop()
	select {
	case <-t.C:
	case <-p.free:
		p.left = perSecond
	}
}
