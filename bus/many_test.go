package bus_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/internal/testproc"
)

// Several processes publish frames of random sizes with checksums, and several receive them.

func init() {
	helpers["publish many"] = publishMany
	helpers["subscribe many"] = subscribeMany
}

// publishMany publishes Arg(2) frames on Arg(1), in all the ways there are.
func publishMany(peer *testproc.Peer) error {
	b, err := bus.Open(peer.Arg(0))
	if err != nil {
		return err
	}
	defer b.Close()
	p, err := b.Publisher(peer.Arg(1))
	if err != nil {
		return err
	}
	count, err := strconv.Atoi(peer.Arg(2))
	if err != nil {
		return err
	}
	peer.Say("id %d", p.ID())
	peer.Await()
	ctx := context.Background()
	m := newFrameMaker(p.ID())
	buf := make([]byte, 4*mostBytes)
	for sent := 0; sent < count; {
		switch m.rnd.IntN(3) {
		case 0:
			frame := buf[:m.size()]
			m.fill(frame)
			err = p.Publish(ctx, frame)
		case 1:
			var l *bus.Loan
			n := m.size()
			if l, err = p.Loan(ctx, min(n+m.rnd.IntN(100), mostBytes)); err == nil {
				n = min(n, len(l.Bytes()))
				m.fill(l.Bytes()[:n])
				if m.rnd.IntN(10) == 0 {
					l.Abort()
					m.n--
					continue
				}
				err = l.CommitN(n)
			}
		case 2:
			var batch [][]byte
			rest := buf
			for range min(1+m.rnd.IntN(4), count-sent) {
				n := m.size() / 4
				m.fill(rest[:n])
				batch = append(batch, rest[:n])
				rest = rest[n:]
			}
			sent += len(batch) - 1
			_, err = p.PublishBatch(ctx, batch)
		}
		if err != nil {
			return err
		}
		sent++
	}
	peer.Say("sent %d", m.n)
	peer.Await() // the others may still ask for its place
	return nil
}

var modes = map[string]bus.SubscribeOption{"lossless": bus.Lossless(), "lossy": bus.Lossy(), "tap": bus.ReadOnly()}

// subscribeMany receives as Arg(2) says until the test says that it was all, or until it has Arg(3) frames.
func subscribeMany(peer *testproc.Peer) error {
	b, err := bus.Open(peer.Arg(0))
	if err != nil {
		return err
	}
	defer b.Close()
	most, err := strconv.Atoi(peer.Arg(3))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s, err := b.Subscribe(ctx, peer.Arg(1), modes[peer.Arg(2)])
	if err != nil {
		return err
	}
	peer.Say("ready")
	go func() {
		peer.Await()
		cancel()
	}()
	got := map[uint64]uint64{}
	order := fnv.New64a()
	var held []*bus.Frame
	n := 0
	for n < most {
		f, err := s.Receive(ctx)
		if ctx.Err() != nil && f == nil {
			f, err = s.TryReceive()
			if f == nil && err == nil {
				break
			}
		}
		if err != nil {
			return err
		}
		sum, err := check(f)
		if err != nil {
			return err
		}
		if peer.Arg(2) == "lossless" && f.Sequence() != got[f.Publisher()]+1 {
			return fmt.Errorf("frame %d of %d after %d", f.Sequence(), f.Publisher(), got[f.Publisher()])
		}
		fmt.Fprint(order, f.Publisher(), " ", f.Sequence(), " ", sum, "\n")
		got[f.Publisher()]++
		n++
		if held = append(held, f); len(held) > n%4 { // some are held for a while
			for _, f := range slices.Backward(held) {
				f.Release()
			}
			held = held[:0]
		}
	}
	peer.Say("order %x", order.Sum64())
	peer.Say("got %d lost %d", n, s.Lost())
	by := s.LostBy()
	for id, n := range got {
		peer.Say("publisher %d got %d lost %d", id, n, by[id])
		delete(by, id)
	}
	for id, n := range by {
		peer.Say("publisher %d got 0 lost %d", id, n)
	}
	peer.Say("end")
	return s.Close()
}

// total is how many frames all publishers publish together.
func total() int {
	if len(testproc.Runner()) > 0 {
		return 8_000 // an emulator is slow
	}
	if long {
		return 1_000_000
	}
	return 60_000
}

func TestFourProcessesPublishToFourThatReceiveEverythingInOneOrder(t *testing.T) {
	dir := newDir(t)
	noError(t, openAt(t, dir).CreateTopic("t", bus.TopicOptions{Policy: bus.PolicyLossless, Slots: 2048, CellSize: 256}))
	const publishers, subscribers = 4, 4
	var subs, pubs []*testproc.Process
	for range subscribers {
		subs = append(subs, testproc.Start(t, "subscribe many", dir, "t", "lossless", fmt.Sprint(total())))
	}
	for _, s := range subs {
		s.Expect("ready")
	}
	for range publishers {
		pubs = append(pubs, testproc.Start(t, "publish many", dir, "t", fmt.Sprint(total()/publishers)))
	}
	for _, p := range pubs {
		p.Expect("id")
	}
	start := time.Now()
	for _, p := range pubs {
		p.Say("go")
	}
	order := subs[0].Expect("order")
	for i, s := range subs {
		if i > 0 {
			if o := s.Expect("order"); o != order {
				t.Errorf("subscriber %d has seen the order %s, the first %s", i, o, order)
			}
		}
		if c := s.Expect("got"); c != fmt.Sprintf("%d lost 0", total()) {
			t.Errorf("subscriber %d got %s, want %d", i, c, total())
		}
		for range publishers {
			if c := s.Expect("publisher"); !strings.HasSuffix(c, fmt.Sprintf("got %d lost 0", total()/publishers)) {
				t.Errorf("subscriber %d: publisher %s, want %d", i, c, total()/publishers)
			}
		}
		s.Expect("end")
		s.Wait()
	}
	for _, p := range pubs {
		p.Expect("sent")
		p.Wait()
	}
	t.Logf("%d frames in %v, order %s", total(), time.Since(start), order)
}

func TestWhatIsNotReceivedFromARingThatIsTooSmallIsCounted(t *testing.T) {
	dir := newDir(t)
	noError(t, openAt(t, dir).CreateTopic("t", bus.TopicOptions{Slots: 128, CellSize: 1024}))
	const publishers = 4
	var subs, pubs []*testproc.Process
	for _, mode := range []string{"lossy", "tap", "lossy", "tap"} {
		subs = append(subs, testproc.Start(t, "subscribe many", dir, "t", mode, "1000000000"))
	}
	for _, s := range subs {
		s.Expect("ready")
	}
	var ids []string
	for range publishers {
		p := testproc.Start(t, "publish many", dir, "t", fmt.Sprint(total()/publishers))
		pubs = append(pubs, p)
		ids = append(ids, p.Expect("id"))
	}
	for _, p := range pubs {
		p.Say("go")
	}
	for _, p := range pubs {
		if n := p.Expect("sent"); n != fmt.Sprint(total()/publishers) {
			t.Errorf("%s frames were sent, want %d", n, total()/publishers)
		}
	}
	lapped := false
	for i, s := range subs {
		s.Say("that was all")
		s.Expect("order")
		var got, lost int
		_, err := fmt.Sscanf(s.Expect("got"), "%d lost %d", &got, &lost)
		noError(t, err)
		t.Logf("subscriber %d: %d received, %d lost", i, got, lost)
		if got+lost != total() {
			t.Errorf("subscriber %d: %d received and %d lost of %d", i, got, lost, total())
		}
		lapped = lapped || lost > 0
		seen := 0
		for l := s.Line(); l != "end"; l = s.Line() {
			var id string
			_, err := fmt.Sscanf(l, "publisher %s got %d lost %d", &id, &got, &lost)
			noError(t, err)
			if got+lost != total()/publishers || !slices.Contains(ids, id) {
				t.Errorf("subscriber %d: of publisher %s %d received and %d lost of %d", i, id, got, lost, total()/publishers)
			}
			seen++
		}
		if seen != publishers {
			t.Errorf("subscriber %d knows of %d publishers, want %d", i, seen, publishers)
		}
		s.Wait()
	}
	if !lapped {
		t.Error("nothing was lost: the ring is not too small")
	}
	for _, p := range pubs {
		p.Wait()
	}
}
