package exec

import (
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

const (
	dropsEvery = time.Second // from one crowd of entries to the next
	dropKinds  = 16          // so many entries are in a crowd, at most
)

// drops are the frames that could not be published. Each is counted, and they are logged by topic and reason: the first at once, and those that come
// after it together, at most once a second. It is safe for concurrent use.
type drops struct {
	board *board
	log   hclog.Logger

	mu    sync.Mutex
	new   map[drop]int // since the last entries
	order []drop       // of new
	timer *time.Timer  // to log what is new; nil: it does not run
	over  bool
}

// A drop is what one entry is about.
type drop struct{ topic, why string }

// others stands for more kinds than are logged one by one.
var others = drop{"others", "several"}

func (d *drops) add(why, topic string) {
	d.board.count(0, 0, 1)
	d.mu.Lock()
	defer d.mu.Unlock()
	kind := drop{topic, why}
	if d.new[kind] == 0 && len(d.order) >= dropKinds-1 {
		kind = others
	}
	if d.new[kind] == 0 {
		d.order = append(d.order, kind)
	}
	if d.new == nil {
		d.new = make(map[drop]int)
	}
	d.new[kind]++
	if d.timer == nil {
		d.flush()
	}
}

// flush logs what is new, and then again after a while if there is more. The caller holds d.mu.
func (d *drops) flush() {
	d.timer = nil
	if len(d.order) == 0 {
		return
	}
	for _, kind := range d.order {
		d.log.Warn("frames are not published", "frames", d.new[kind], "topic", kind.topic, "problem", kind.why)
	}
	clear(d.new)
	d.order = nil
	if d.over {
		return
	}
	d.timer = time.AfterFunc(dropsEvery, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if !d.over {
			d.flush()
		}
	})
}

// close logs what was not yet. There are no more to come.
func (d *drops) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
	}
	d.over = true
	d.flush()
}
