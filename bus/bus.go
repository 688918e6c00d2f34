package bus

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"sync/atomic"

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
	making  sync.Mutex // held by whoever waits for the directory's lock or has it; taken before mu

	mu       sync.Mutex
	closed   atomic.Bool
	open     map[string]*attachment // by segment name, read-write
	taps     map[string]*attachment // by segment name, read-only
	handles  map[*port]struct{}
	watch    *watcher
	notifier wake.Notifier
}

// Open opens the bus in directory dir; "" is $SHMBUS_DIR, or else /dev/shm/shmbus-UID. It fails only on options that make no
// sense.
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
	for _, p := range handles {
		p.kill()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var errs []error
	for _, m := range []map[string]*attachment{b.open, b.taps} {
		for name, at := range m {
			delete(m, name)
			errs = append(errs, at.leave(), at.release())
		}
	}
	return errors.Join(errs...)
}

// An attachment is one opened segment, shared by the handles of a Bus that stand on it. It has one reference from the Bus's map,
// as long as it is there, and one from each handle.
type attachment struct {
	bus   *Bus
	seg   *segment.Segment
	table *topics.Table
	refs  int // guarded by bus.mu

	stale atomic.Bool // the file was deleted or replaced

	join        sync.Mutex
	participant *segment.Participant
	left        bool
}

// attach opens a segment, or gives the open one with a reference more. The caller holds b.mu.
func (b *Bus) attach(name string, access segment.Access) (*attachment, error) {
	m := b.taps
	if access == segment.ReadWrite {
		m = b.open
	}
	if at := m[name]; at != nil {
		stale := at.seg.Stale()
		if !stale && at.check() == nil {
			at.refs++
			return at, nil
		}
		if stale {
			at.setStale()
		}
		b.drop(at)
	}
	seg, err := segment.Open(b.dir, name, access)
	if err != nil {
		return nil, err
	}
	return b.adopt(seg, access)
}

// adopt makes an attachment of an opened segment, with a reference for the caller. The caller holds b.mu.
func (b *Bus) adopt(seg *segment.Segment, access segment.Access) (*attachment, error) {
	table, err := topics.OpenTable(seg.Table())
	if err != nil {
		_ = seg.Close()
		return nil, err
	}
	at := &attachment{bus: b, seg: seg, table: table, refs: 2}
	if access == segment.ReadWrite {
		b.open[seg.Name()] = at
	} else {
		b.taps[seg.Name()] = at
	}
	b.log.Debug("segment opened", "path", seg.Path(), "access", access, "generation", seg.Generation())
	return at, nil
}

// drop takes an attachment that is no longer good out of its map, so that the next look opens the segment anew. The caller holds
// b.mu.
func (b *Bus) drop(at *attachment) {
	for _, m := range []map[string]*attachment{b.open, b.taps} {
		if name := at.seg.Name(); m[name] == at {
			delete(m, name)
			_ = at.release()
		}
	}
}

// look gives f the ring of a topic, through a read-only mapping of which nothing is brought in.
func (at *attachment) look(e topics.Entry, f func(r *topics.Ring)) error {
	m, err := at.seg.MapLazy(e.Offset, e.Size)
	if err != nil {
		return outside(e, err)
	}
	defer m.Close()
	r, err := openRing(at.seg, m)
	if err != nil {
		return fmt.Errorf("%s: topic %q: %w", at.seg.Path(), e.Name, err)
	}
	f(r)
	return nil
}

// outside says of a topic whose region cannot be mapped because it does not lie in the segment that it is corrupt.
func outside(e topics.Entry, err error) error {
	if errors.Is(err, segment.ErrRange) {
		return fmt.Errorf("%w: topic %q: %w", topics.ErrCorrupt, e.Name, err)
	}
	return err
}

// release drops a reference. The caller holds b.mu.
func (at *attachment) release() error {
	if at.refs--; at.refs > 0 {
		return nil
	}
	return at.seg.Close()
}

// owner is this Bus's participant in the segment; it joins at the first call.
func (at *attachment) owner() (segment.Owner, error) {
	at.join.Lock()
	defer at.join.Unlock()
	if at.left {
		return 0, ErrClosed
	}
	if at.participant == nil {
		p, err := at.seg.Join()
		if err != nil {
			return 0, err
		}
		at.participant = p
	}
	return at.participant.Owner(), nil
}

// leave drops the participant's lease.
func (at *attachment) leave() error {
	at.join.Lock()
	defer at.join.Unlock()
	at.left = true
	if at.participant == nil {
		return nil
	}
	p := at.participant
	at.participant = nil
	return p.Leave()
}

// check says whether the lease is still held: a library that closes all descriptors takes it away.
func (at *attachment) check() error {
	at.join.Lock()
	defer at.join.Unlock()
	if at.participant == nil {
		return nil
	}
	return at.participant.Check()
}

func (at *attachment) setStale() {
	if !at.stale.Swap(true) {
		at.bus.log.Info("segment was deleted or replaced", "path", at.seg.Path())
	}
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
		e, err := at.table.Find(topic)
		if err == nil {
			return at, e, nil
		}
		if !errors.Is(err, topics.ErrNoTopic) {
			bad = append(bad, fmt.Errorf("%s: %w", at.seg.Path(), err))
		}
		_ = at.release()
	}
	if bad != nil {
		return nil, topics.Entry{}, errors.Join(bad...)
	}
	return nil, topics.Entry{}, topics.ErrNoTopic
}

// preferred is names with the configured segment first.
func (b *Bus) preferred(names []string) []string {
	all := make([]string, 0, len(names)+1)
	for _, n := range names {
		if n == b.config.segment {
			all = append(all, n)
		}
	}
	for _, n := range names {
		if n != b.config.segment {
			all = append(all, n)
		}
	}
	return all
}
