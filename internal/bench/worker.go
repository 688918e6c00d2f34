//go:build linux

package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"shmbus/bus"
	"shmbus/internal/cpu"
	"shmbus/internal/mem"
)

// helperEnv tells a process of the crew where the crew's files are: nobody becomes one by accident.
const helperEnv = "SHMBUS_BENCH_CREW"

// dirPrefix is how the names of crews' directories begin.
const dirPrefix = "shmbus-crew-"

// An order is what the leader tells a process to do: to prepare for a job, then to go, and, when all is done, to leave the topics.
type order struct {
	Job        Job
	Go, Leave  bool
	Topic      string
	Subscriber bool   // its part; otherwise the publisher's
	Index      int    // which of them, from 0
	CPU        int    // to be pinned to, counted among those allowed; -1: none
	N          uint64 // how many frames it sends, or how many are sent to it; how many rounds
}

// A report is what a process answers.
type report struct {
	Err        string     `json:",omitempty"`
	Start, End int64      `json:",omitempty"` // by Now()
	Round      float64    `json:",omitempty"` // ns of a round, of the middle part
	Frames     uint64     `json:",omitempty"` // sent or received
	Lost       uint64     `json:",omitempty"`
	Hist       *Histogram `json:",omitempty"` // ns of the round trips
	Figures    Figures    `json:",omitempty"` // of a scene
}

// side is what a process of the crew has.
type side struct {
	bus  *bus.Bus
	bare *bare
	ends map[string]*end // by topic

	parts map[string]Part // in scenes, by topic
}

// Serve is the life of a process of the crew: it does its part of what the leader asks for, until the leader kills it, or has died. In a process
// that is no such one it returns at once. Call it first thing in main.
func Serve() {
	dir := os.Getenv(helperEnv)
	if dir == "" {
		return
	}
	// Ctrl-C, Ctrl-\ and the end of a terminal are told to all processes. The leader ends the others.
	signal.Ignore(os.Interrupt, syscall.SIGQUIT, syscall.SIGHUP)
	if err := serve(dir); err != nil {
		_ = json.NewEncoder(os.Stdout).Encode(report{Err: scarce(err).Error()})
		os.Exit(1)
	}
	os.Exit(0)
}

func serve(dir string) error {
	if !strings.HasPrefix(filepath.Base(dir), dirPrefix) {
		return fmt.Errorf("$%s is set to %q, which is no place of a benchmark; unset it", helperEnv, dir)
	}
	orders := listen(dir)
	s, err := openSide(dir, <-orders)
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(report{}); err != nil {
		return err
	}
	for o := range orders {
		if o.Leave {
			s.leave(o.Topic)
			if err := out.Encode(report{}); err != nil {
				return err
			}
			continue
		}
		if err := s.do(o, orders, out); err != nil {
			return err
		}
	}
	return nil
}

// listen reads what the leader says, also while the process is busy: when the leader has died, that is the end, and what it has left is removed.
func listen(dir string) <-chan order {
	orders := make(chan order)
	go func() {
		in := json.NewDecoder(os.Stdin)
		for {
			var o order
			if err := in.Decode(&o); err != nil {
				_ = os.RemoveAll(dir)
				os.Exit(0)
			}
			orders <- o
		}
	}()
	return orders
}

// openSide maps the bare memory and opens the bus, whose directory is the topic of the first order.
func openSide(dir string, first order) (*side, error) {
	f, err := os.OpenFile(filepath.Join(dir, "bare"), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	m, err := unix.Mmap(int(f.Fd()), 0, bareSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return nil, fmt.Errorf("mapping %s: %w", f.Name(), err)
	}
	views, err := mem.View[bare](m, 0, 1)
	if err != nil {
		return nil, err
	}
	b, err := bus.Open(first.Topic)
	if err != nil {
		return nil, err
	}
	return &side{bus: b, bare: &views[0], ends: make(map[string]*end), parts: make(map[string]Part)}, nil
}

// do prepares, says so, waits for the word, goes, and reports.
func (s *side) do(o order, orders <-chan order, out *json.Encoder) error {
	j, ok := halvesOf(o.Job.Name)
	if !ok {
		return fmt.Errorf("there is no job %q", o.Job.Name)
	}
	if o.CPU >= 0 {
		unpin, err := cpu.Pin(o.CPU)
		if err != nil {
			return fmt.Errorf("pinning to a CPU: %w", err)
		}
		defer unpin()
	}
	mine := j.publisher
	if o.Subscriber {
		mine = j.subscribe
	}
	act, err := mine(s, o)
	if err != nil {
		return err
	}
	if err := out.Encode(report{}); err != nil {
		return err
	}
	if g := <-orders; !g.Go {
		return fmt.Errorf("an order comes before its time")
	}
	r, err := act()
	if err != nil {
		return err
	}
	return out.Encode(r)
}
