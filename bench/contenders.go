//go:build linux

package main

import (
	"context"
	"time"

	"shmbus/bench/native"
	"shmbus/bench/peers"
	"shmbus/bench/report"
	"shmbus/bus"
	"shmbus/internal/bench"
	"shmbus/internal/mem"
)

// An outcome is what came of one turn.
type outcome struct {
	took time.Duration
	cpu  time.Duration    // of all its processes, and of the server
	hist *bench.Histogram // ns of the round trips, for latency
}

// A runner moves messages for one contender in one cell, as often as it is asked to.
type runner interface {
	run(n uint64) (outcome, error)
	pids() []int
	close()
}

// A contender is one way to move messages. It is one of ours if job is set, or else it is a program: in C if program is set, or else
// a peer in Go.
type contender struct {
	name     string
	bare     bool
	in       func(c report.Cell) bool
	against  func(c report.Cell) string
	job      *bench.Job // of shmbus; its size and topic are the cell's
	program  string
	peerName string
	server   string
	spin     bool // its processes keep their CPUs when they wait
	alone    bool // it has no subscriber
	pair     bool // it has one publisher and one subscriber, whatever the cell has
	ring     bool // of ours, of a pair: its ring is that of the cell's others
}

func (c *contender) ours() bool { return c.job != nil }
func (c *contender) peer() bool { return !c.ours() && !c.bare }

// takesPart says whether the contender is measured in a cell. Who spins is not where there is no CPU for each.
func (c *contender) takesPart(cell report.Cell) bool {
	return c.in(cell) && !(c.spin && cell.Processes() > cpus())
}

// shape is the cell as the contender has it, and a topic of ours there.
func (c *contender) shape(cell report.Cell) (report.Cell, bus.TopicOptions) {
	ring := topic(cell)
	if !c.pair {
		return cell, ring
	}
	cell.Pubs, cell.Subs = 1, 1
	if !c.ring {
		ring = topic(cell)
	}
	return cell, ring
}

// queue is how many chunks a queue of iceoryx has: as many as our ring has frames, at most what iceoryx allows. The largest messages are measured one
// at a time, so that it does not matter; there it has as many as it takes until both sides have met.
func queue(size int, ring bus.TopicOptions) int {
	const least, most = 64, 256
	return min(max(least, ring.Slots/((size+ring.CellSize-1)/ring.CellSize)), most)
}

func (c *contender) start(ctx context.Context, l *lab, cell report.Cell) (runner, error) {
	cell, ring := c.shape(cell)
	if c.ours() {
		return startOurs(ctx, *c.job, cell, ring, l.pins(cell))
	}
	o := peers.Options{
		Peer: c.peerName, Latency: cell.Mode == report.Latency, Spin: c.spin, Size: cell.Size, Pubs: cell.Pubs, Subs: cell.Subs,
	}
	if c.alone {
		o.Subs = 0
	}
	if c.program == native.Iceoryx {
		o.Queue = queue(cell.Size, ring)
	}
	s := l.servers[c.server]
	if s != nil {
		o.Addr = s.addr
	}
	program := []string{l.self, peerWord}
	if c.program != "" {
		program = []string{l.built[c.program].path}
	}
	t, err := l.startTeam(ctx, s, program, o, l.pins(cell))
	if err != nil {
		return nil, err // and no team within the interface
	}
	return t, nil
}

// Where contenders take part.
func throughput(c report.Cell) bool { return c.Mode == report.Throughput }
func spinning(c report.Cell) bool   { return c.Mode == report.Latency && c.Spin }
func blocking(c report.Cell) bool   { return c.Mode == report.Latency && !c.Spin }
func oneToOne(c report.Cell) bool   { return c.Pubs == 1 && c.Subs == 1 }
func onePublisher(c report.Cell) bool {
	return throughput(c) && c.Pubs == 1
}
func beside(c report.Cell) bool  { return throughput(c) && c.Size == 64 && c.Pubs+c.Subs == 3 }
func early(c report.Cell) bool   { return blocking(c) && c.Size >= 64<<10 }
func calls(c report.Cell) bool   { return throughput(c) || blocking(c) }
func polling(c report.Cell) bool { return throughput(c) || spinning(c) }

// What peers are compared with: who spins with ours that spin, who blocks with ours that block; calls with calls, and what is sent
// together with batches.
func withBlock(c report.Cell) string {
	if early(c) {
		return "shmbus block, early"
	}
	return "shmbus block"
}
func withSpin(report.Cell) string { return "shmbus spin" }

// What iceoryx and shmipc-go fill in place is compared with what we fill in place.
func inPlace(with func(report.Cell) string) func(report.Cell) string {
	return func(c report.Cell) string { return with(c) + ", in place" }
}

func withBatch(c report.Cell) string {
	if throughput(c) {
		return "shmbus block, batches of 32"
	}
	return withBlock(c)
}

func nobody(report.Cell) string { return "" }

// batch is how many frames our batches have.
const batch = 32

func contenders() []contender {
	ours := func(name string, in func(report.Cell) bool, j bench.Job) contender {
		return contender{name: "shmbus " + name, in: in, against: nobody, job: &j, spin: j.Wait == bench.Spin}
	}
	bare := func(name, program, peerName string, in func(report.Cell) bool) contender {
		return contender{name: name, bare: true, in: in, against: nobody, program: program, peerName: peerName}
	}
	goPeer := func(name, peerName, server string, in func(report.Cell) bool, against func(report.Cell) string) contender {
		return contender{name: name, in: in, against: against, peerName: peerName, server: server}
	}
	inC := func(name, program, server string, spin bool) contender {
		c := contender{name: name, in: calls, against: withBlock, program: program, server: server, spin: spin}
		if spin {
			c.in, c.against = polling, withSpin
		}
		if program == native.Iceoryx {
			c.against = inPlace(c.against)
		}
		return c
	}
	large := func(c report.Cell) bool { return polling(c) && oneToOne(c) && c.Size > 64 }
	memory := bare(report.MemoryName, "", peers.Memory, large)
	taken := bare(report.TakenName, "", peers.MemoryTaken, func(c report.Cell) bool { return mem.TakesUnchanged && large(c) })
	memory.spin, taken.spin = true, true
	memcpy := bare(report.MemcpyName, native.Memcpy, "", func(c report.Cell) bool { return throughput(c) && oneToOne(c) })
	memcpy.alone = true
	pair := func(name string, ring bool) contender {
		c := ours("adaptive, one to one"+name, beside, bench.Job{Batch: 1, Wait: bench.Adaptive})
		c.pair, c.ring = true, ring
		return c
	}
	zmqPolling := inC("ZeroMQ, polling", native.ZeroMQ, "", true)
	zmqPolling.in = spinning
	return []contender{
		memory,
		taken,
		memcpy,
		bare(report.FutexName, native.Futex, "", blocking),
		ours("spin", polling, bench.Job{Batch: 1, Wait: bench.Spin}),
		ours("spin, in place", polling, bench.Job{Batch: 1, Wait: bench.Spin, Loan: true}),
		ours("spin, batches of 32", throughput, bench.Job{Batch: batch, Wait: bench.Spin}),
		ours("spin, exclusive", onePublisher, exclusive(bench.Job{Batch: 1, Wait: bench.Spin})),
		ours("spin, exclusive, batches of 32", onePublisher, exclusive(bench.Job{Batch: batch, Wait: bench.Spin})),
		ours("adaptive", calls, bench.Job{Batch: 1, Wait: bench.Adaptive}),
		pair("", false),
		pair(", same ring", true),
		ours("adaptive, batches of 32", throughput, bench.Job{Batch: batch, Wait: bench.Adaptive}),
		ours("block", calls, bench.Job{Batch: 1, Wait: bench.Block}),
		ours("block, in place", calls, bench.Job{Batch: 1, Wait: bench.Block, Loan: true}),
		ours("block, early", early, bench.Job{Batch: 1, Wait: bench.Block, Early: true}),
		ours("block, early, in place", early, bench.Job{Batch: 1, Wait: bench.Block, Early: true, Loan: true}),
		ours("block, batches of 32", throughput, bench.Job{Batch: batch, Wait: bench.Block}),
		inC("iceoryx, polling", native.Iceoryx, roudi, true),
		inC("iceoryx, WaitSet", native.Iceoryx, roudi, false),
		inC("ZeroMQ", native.ZeroMQ, "", false),
		zmqPolling,
		inC("nng", native.NNG, "", false),
		goPeer("mangos", peers.Mangos, "", calls, withBlock),
		goPeer("NATS", peers.NATS, nats, calls, withBatch),
		goPeer("Redis", peers.Redis, redis, calls, withBatch),
		goPeer("Unix socket", peers.Unix, "", calls, withBlock),
		goPeer("Unix socket, buffered", peers.UnixBuffered, "", throughput, withBatch),
		goPeer("FIFO", peers.FIFO, "", calls, withBlock),
		goPeer("shmipc-go", peers.Shmipc, "", calls, inPlace(withBlock)),
	}
}
