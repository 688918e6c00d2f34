package bus

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"shmbus/segment"
	"shmbus/topics"
	"shmbus/wake"
)

// A Bus is an open handle on a bus directory. Any number of goroutines may use it at once.
//
// Opening it touches nothing: the directory and the segment are made when the first topic is.
type Bus struct {
	dir    string
	config config
	log    hclog.Logger

	closing context.Context // done when Close begins
	cancel  context.CancelFunc
	making  chan struct{} // full while somebody waits for the directory's lock or has it; filled before mu is taken

	patience time.Duration // lockPatience

	mu       sync.Mutex
	closed   atomic.Bool
	open     map[string]*attachment // by segment name, read-write
	taps     map[string]*attachment // by segment name, read-only
	handles  map[*port]struct{}
	watch    *watcher
	hinted   atomic.Bool // the watcher is told of deaths
	notifier wake.Notifier
}

// Open opens the bus in directory dir; "" is $SHMBUS_DIR, or else /dev/shm/shmbus-UID. It fails only on options that make no
// sense, and where the process has not even the descriptors left that the Go runtime takes when it first waits for something (EMFILE).
func Open(dir string, opts ...Option) (*Bus, error) {
	if dir == "" {
		dir = segment.DefaultDir()
	}
	dir, err := filepath.Abs(dir) // the process may go elsewhere
	if err != nil {
		return nil, fail("open", "", err)
	}
	b := &Bus{
		dir:     dir,
		open:    make(map[string]*attachment),
		taps:    make(map[string]*attachment),
		handles: make(map[*port]struct{}),
		making:  make(chan struct{}, 1),

		patience: lockPatience,
	}
	b.closing, b.cancel = context.WithCancel(context.Background())
	b.config.segment = "main"
	for _, o := range opts {
		o(&b.config)
	}
	b.config.files.TableBytes = topics.TableBytes
	b.config.files.BellBytes = topics.BellBytes
	if err := segment.CheckName(b.config.segment); err != nil {
		return nil, &opError{op: "open", kind: ErrName, cause: err}
	}
	if n := b.config.files.Participants; n < 0 || n > 65535 {
		return nil, &opError{op: "open", kind: ErrLimit, cause: fmt.Errorf("%d participants: a segment has 1 to 65535", n)}
	}
	b.log = b.config.log
	if b.log == nil {
		b.log = hclog.NewNullLogger()
	}
	if err := segment.StartPoller(); err != nil {
		return nil, fail("open", "", err)
	}
	b.notifier = wake.Default()
	return b, nil
}

// Dir is the absolute path of the bus directory.
func (b *Bus) Dir() string { return b.dir }

// Close ends everything opened from the Bus: calls that wait return ErrClosed, open loans are aborted, subscriptions are left. Frames
// that are still held must not be read after it. Closing twice is no error.
func (b *Bus) Close() error {
	if b.closed.Swap(true) {
		return nil
	}
	b.cancel()
	b.mu.Lock()
	handles := make([]*port, 0, len(b.handles))
	for p := range b.handles {
		handles = append(handles, p)
	}
	watch := b.watch
	b.mu.Unlock()
	if watch != nil {
		watch.close()
	}
	var errs []error
	inside := make(map[*door]bool) // of each door at the moment when it was shut: a subscription may have several ports
	for _, p := range handles {
		if _, known := inside[p.door]; !known {
			inside[p.door] = p.door == nil || p.door.shut()
		}
		errs = append(errs, p.closeElsewhere(inside[p.door]))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, at := range b.open {
		errs = append(errs, at.leave())
	}
	b.freeWithin(freePatience)
	for _, m := range []map[string]*attachment{b.open, b.taps} {
		for name, at := range m {
			delete(m, name)
			errs = append(errs, at.release())
		}
	}
	return fail("close", "", errors.Join(errs...))
}

// find looks for a topic in all segments, the configured one first, and gives its attachment with a reference. ErrNoTopic if it
// is nowhere; errors of segments that could not be looked at come with it. The caller holds b.mu.
func (b *Bus) find(topic string, access segment.Access) (*attachment, topics.Entry, error) {
	names, err := segment.List(b.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, topics.Entry{}, err
	}
	var bad []error
	for _, name := range b.preferred(names) {
		at, err := b.attach(name, access)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			bad = append(bad, err)
			continue
		}
		e, err := at.find(topic)
		if err == nil {
			return at, e, nil
		}
		if !errors.Is(err, topics.ErrNoTopic) {
			bad = append(bad, err)
		}
		_ = at.release()
	}
	if bad != nil {
		return nil, topics.Entry{}, errors.Join(bad...)
	}
	return nil, topics.Entry{}, topics.ErrNoTopic
}
