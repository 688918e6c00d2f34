//go:build linux

package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"shmbus/bench/growth"
	"shmbus/bench/native"
	"shmbus/bench/report"
	"shmbus/bus"
	"shmbus/internal/bench"
	"shmbus/internal/mem"
)

// How much of the series is measured.
type extent int

const (
	everything extent = iota
	quick             // without what takes seconds to make
	tiny              // as much as a test has time for
)

// allSeries are those that there are, with points up to the largest that are to be measured.
func allSeries(how extent) []series {
	most := func(few float64, xs ...float64) (some []float64) {
		for _, x := range xs {
			if how != tiny || x <= few {
				some = append(some, x)
			}
		}
		return some
	}
	rings := most(1<<20, 64<<10, 256<<10, 1<<20, 4<<20, 16<<20, 64<<20, 256<<20, 1<<30)
	if how == quick {
		rings = rings[:len(rings)-2]
	}
	idle := map[extent][]point{everything: idlePoints(idleSettle, idleTime), quick: idlePoints(idleSettle, idleQuick), tiny: idlePoints(0, idleTiny)}[how]
	return []series{
		{report.GrowthCalls, callsPoints(most(64, 8, 64, 256, 1<<10, 4<<10, 16<<10))},
		{report.GrowthSubscribers, subscribersPoints(most(4, 1, 2, 4, 8, 16, 32, 64))},
		{report.GrowthTopics, topicsPoints(most(10, 1, 10, 100, 1000))},
		{report.GrowthAttach, attachPoints(most(10, 1, 10, 100, 1000))},
		{report.GrowthBlocked, blockedPoints(most(64, 1, 8, 9, 24, 32, 64, 256, 1000))},
		{report.GrowthRings, ringsPoints(rings)},
		{report.GrowthFrames, framesPoints(most(32<<10, 8, 64, 512, 4<<10, 32<<10, 256<<10, 2<<20, 16<<20))},
		{report.GrowthWaiting, waitingPoints(most(1e6, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8))},
		{report.GrowthTail, tailPoints()},
		{report.GrowthIdle, idle},
	}
}

// matchSeries are the series whose names are chosen, as those of cells are.
func matchSeries(words []string, how extent) (some []series) {
	for _, s := range allSeries(how) {
		if report.Match(s.name, words) {
			some = append(some, s)
		}
	}
	return some
}

// apart is a publisher's process and one of subscribers, the threads that work on a CPU each.
func apart(l *lab) bench.CrewSpec {
	s := bench.CrewSpec{Publishers: 1, Subscribers: 1}
	if l.pin {
		s.CPUs = []int{0, 1}
	}
	return s
}

// callsPoints: one thread, which has a CPU.
func callsPoints(xs []float64) (all []point) {
	for _, c := range []struct {
		name string
		args growth.CallsArgs
	}{
		{report.PublishCurve, growth.CallsArgs{}},
		{report.PublishTimeCurve, growth.CallsArgs{Time: true}},
		{"a copy and a stamp, no bus", growth.CallsArgs{Bare: true}},
		{report.ReceiveCurve, growth.CallsArgs{Receive: true}},
	} {
		for _, x := range xs {
			a := c.args
			a.Size = int(x)
			all = append(all, point{curve: c.name, x: x, start: func(ctx context.Context, l *lab) (taker, error) {
				return play(ctx, lone(l), growth.Calls, a, sceneTaker{stay: true})
			}})
		}
	}
	return all
}

// lone is one process, the thread that works on a CPU.
func lone(l *lab) bench.CrewSpec {
	s := bench.CrewSpec{Publishers: 1}
	if l.pin {
		s.CPUs = []int{0}
	}
	return s
}

// lossyFrame is about what a frame takes a publisher that waits for nobody.
const lossyFrame = 15 * time.Nanosecond

// subscribersPoints: the process with the subscribers has a CPU, as a whole: its goroutines are not to take that of the publisher.
func subscribersPoints(xs []float64) (all []point) {
	for _, lossless := range []bool{true, false} {
		curve := map[bool]string{true: "lossless", false: "lossy"}[lossless]
		for _, x := range xs {
			all = append(all, point{curve: curve, x: x, start: func(ctx context.Context, l *lab) (taker, error) {
				spec := apart(l)
				spec.Whole = true
				t := sceneTaker{least: 4 * growth.FanoutSlots, bench: perFrame}
				if !lossless {
					// A lossy subscriber still reads what is left in the ring when all is published. That is to be nothing beside what is published, however many there are.
					t.bench, t.count = nil, func(long time.Duration) uint64 { return uint64(long / lossyFrame) }
				}
				return play(ctx, spec, growth.Fanout, growth.FanoutArgs{Subscriptions: int(x), Lossless: lossless}, t)
			}})
		}
	}
	return all
}

func topicsPoints(xs []float64) (all []point) {
	for _, c := range []struct {
		name, scene string
		lap         bool
	}{{"two goroutines", growth.Topics, false}, {"one goroutine", growth.Topics, true}, {"one goroutine, no bus", growth.Rings, true}} {
		for _, x := range xs {
			all = append(all, point{curve: c.name, x: x, start: func(ctx context.Context, _ *lab) (taker, error) {
				return play(ctx, bench.CrewSpec{Publishers: 1}, c.scene, growth.TopicsArgs{Topics: int(x), Lap: c.lap},
					sceneTaker{each: uint64(x), bench: perFrame})
			}})
		}
	}
	return all
}

// A busTaker has a bus that stays when the processes of a turn have gone.
type busTaker struct {
	freshTaker
	dir string
}

func (l *lab) busTaker() (*busTaker, error) {
	dir, err := os.MkdirTemp(l.memory, "bus-")
	return &busTaker{dir: dir}, err
}

func (t *busTaker) bus() string { return filepath.Join(t.dir, "bus") }

func (t *busTaker) close() { os.RemoveAll(t.dir) }

// topics makes so many on the bus.
func (t *busTaker) topics(n int) (names []string, err error) {
	b, err := bus.Open(t.bus())
	if err != nil {
		return nil, err
	}
	defer b.Close()
	for i := range n {
		names = append(names, fmt.Sprint("t/", i))
	}
	return names, growth.MakeTopics(b, names)
}

func attachPoints(xs []float64) (all []point) {
	for _, x := range xs {
		all = append(all, point{curve: "a new process", x: x, start: func(ctx context.Context, l *lab) (taker, error) {
			t, err := l.busTaker()
			if err != nil {
				return nil, err
			}
			names, err := t.topics(int(x))
			if err != nil {
				t.close()
				return nil, err
			}
			t.freshTaker = func() (taker, error) {
				return play(ctx, bench.CrewSpec{Publishers: 1, Bus: t.bus()}, growth.Attach, growth.AttachArgs{Topics: names}, sceneTaker{count: once})
			}
			return t, nil
		}})
	}
	return all
}

func once(time.Duration) uint64 { return 1 }

// blockedPoints: the publisher's thread has a CPU; the process with the goroutines is free, as such a program is. It is a new one each turn,
// because a Go program keeps the threads that it has needed once, to open and to close a thousand subscriptions for example.
func blockedPoints(xs []float64) (all []point) {
	for _, c := range []struct {
		name string
		args growth.BlockedArgs
		most float64
	}{
		{"all on one topic", growth.BlockedArgs{}, math.Inf(1)},
		{report.OwnTopicCurve, growth.BlockedArgs{Own: true}, math.Inf(1)},
		{report.OwnFutexCurve, growth.BlockedArgs{Own: true, Bare: true}, mostFutexes},
	} {
		for _, x := range xs {
			if x > c.most {
				break
			}
			a := c.args
			a.Goroutines = int(x)
			all = append(all, point{curve: c.name, x: x, start: func(ctx context.Context, l *lab) (taker, error) {
				spec := apart(l)
				if l.pin {
					spec.CPUs = []int{0, -1}
				}
				t, err := l.busTaker()
				if err != nil {
					return nil, err
				}
				spec.Bus = t.bus()
				t.freshTaker = func() (taker, error) {
					return play(ctx, spec, growth.Blocked, a, sceneTaker{count: func(long time.Duration) uint64 {
						return max(5, uint64(long/(500*time.Microsecond+time.Duration(x)*5*time.Microsecond)))
					}})
				}
				return t, nil
			}})
		}
	}
	return all
}

// mostFutexes is how many threads wait without a bus: so many goroutines have one each with the bus.
const mostFutexes = 8

func ringsPoints(xs []float64) (all []point) {
	for _, x := range xs {
		a := growth.RingArgs{Slots: int(x) / (2 * 64)}
		one := func(scene string, t sceneTaker) func(ctx context.Context, l *lab) (taker, error) {
			return func(ctx context.Context, l *lab) (taker, error) {
				if err := l.room(a); err != nil {
					return nil, err
				}
				return play(ctx, lone(l), scene, a, t)
			}
		}
		all = append(all,
			point{curve: "nobody receives", x: x, start: one(growth.Alone, sceneTaker{bench: perFrame, stay: true})},
			point{curve: "the same stores, no bus", x: x, start: one(growth.Bare, sceneTaker{bench: perFrame, stay: true})},
			point{curve: "to another process", x: x, start: func(ctx context.Context, l *lab) (taker, error) {
				if err := l.room(a); err != nil {
					return nil, err
				}
				t := a.Topic()
				j := bench.Job{Batch: 1, Wait: bench.Spin, Topic: &t}
				return stream(startOn(ctx, j, report.Cell{Mode: report.Throughput, Size: 64, Pubs: 1, Subs: 1}, l.pin))
			}},
			point{curve: "make", x: x, start: one(growth.Make, sceneTaker{count: once}), most: 3})
	}
	return all
}

// room says whether there is memory for such a ring, beside the others.
func (l *lab) room(a growth.RingArgs) error {
	var s unix.Statfs_t
	if err := unix.Statfs(l.memory, &s); err != nil {
		return err
	}
	const lines = 64 * 2
	if need := int64(a.Slots) * lines * 5 / 4; int64(s.Bavail)*s.Bsize < need {
		return &native.Missing{What: fmt.Sprintf("memory for %d MiB", need>>20), Install: "free some, or do without"}
	}
	return nil
}

// A streamTaker is a contender of the cells.
type streamTaker struct {
	runner
	size int
	n    uint64
}

func stream(r runner, err error) (taker, error) {
	if err != nil {
		return nil, err
	}
	return &streamTaker{runner: r}, nil
}

func (t *streamTaker) turn(long time.Duration) (map[string]float64, error) {
	if t.n == 0 {
		var err error
		if t.n, err = enough(t.run, long, 1); err != nil {
			return nil, err
		}
	}
	o, err := t.run(t.n)
	if err != nil {
		return nil, err
	}
	f := map[string]float64{"ns": float64(o.took) / float64(t.n)}
	if t.size > 0 {
		f["gbs"] = float64(t.size) / f["ns"]
	}
	return f, nil
}

// framesContenders are those of the cells that are measured with frames of all sizes.
var framesContenders = []string{"shmbus spin", "shmbus spin, in place", report.MemoryName, report.TakenName, report.MemcpyName}

func framesPoints(xs []float64) (all []point) {
	for _, name := range framesContenders {
		if name == report.TakenName && !mem.TakesUnchanged {
			continue // it would be bare memory once more
		}
		for _, x := range xs {
			if !strings.HasPrefix(name, "shmbus") && x < 64 {
				continue // its messages begin and end with a word
			}
			all = append(all, point{curve: name, x: x, start: func(ctx context.Context, l *lab) (taker, error) {
				cell := report.Cell{Mode: report.Throughput, Size: int(x), Pubs: 1, Subs: 1}
				for i := range l.all {
					if c := &l.all[i]; c.name == name {
						r, err := c.start(ctx, l, cell)
						if err != nil {
							return nil, err
						}
						return &streamTaker{runner: r, size: int(x)}, nil
					}
				}
				return nil, &native.Missing{What: name, Install: "it is skipped as a whole"}
			}})
		}
	}
	return all
}

func waitingPoints(xs []float64) (all []point) {
	for _, wait := range []bench.Wait{bench.Spin, bench.Adaptive, bench.Block, growth.BareSpin, growth.BareFutex} {
		for _, x := range xs {
			all = append(all, point{curve: string(wait), x: x, start: func(ctx context.Context, l *lab) (taker, error) {
				a := growth.GapsArgs{Gap: time.Duration(x), Wait: wait}
				return play(ctx, apart(l), growth.Gaps, a, sceneTaker{count: a.Frames})
			}})
		}
	}
	return all
}

// tailGap is that between the frames whose tail is looked at.
const tailGap = 20 * time.Microsecond

func tailPoints() (all []point) {
	for i, busy := range []growth.Busy{growth.Quiet, growth.Garbage, growth.Work} {
		add := func(curve, scene string, wait bench.Wait) {
			all = append(all, point{curve: curve, x: float64(i), start: func(ctx context.Context, l *lab) (taker, error) {
				a := growth.GapsArgs{Gap: tailGap, Wait: wait, Busy: busy}
				return play(ctx, apart(l), scene, a, sceneTaker{count: a.Frames})
			}})
		}
		add("a loop, no bus", growth.Loop, bench.Spin)
		add("spin", growth.Gaps, bench.Spin)
		add("block", growth.Gaps, bench.Block)
	}
	return all
}
