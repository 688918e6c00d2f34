//go:build linux

package bench

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"shmbus/bus"
	"shmbus/internal/cpu"
	"shmbus/internal/mem"
)

// Frame is the size of the frames measured, in bytes.
const Frame = 64

// helperEnv tells a child process where the pair's files are.
const helperEnv = "SHMBUS_BENCH_PAIR"

// A Pair is this process and a child, each pinned to a CPU of its own, with a bus and a bare mapping in common.
type Pair struct {
	side  *side
	child *exec.Cmd
	say   io.WriteCloser
	hear  *bufio.Reader
	dir   string
}

// side is what both processes have.
type side struct {
	bus   *bus.Bus
	bare  *bare
	unpin func()
}

// Start makes a pair. The program must call Serve first thing when it starts. The calling goroutine is pinned until Close.
func Start() (*Pair, error) {
	dir, err := os.MkdirTemp(memoryDir(), "shmbus-bench-")
	if err != nil {
		return nil, err
	}
	p := &Pair{dir: dir}
	if err := p.start(); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// memoryDir is a directory in memory, where there is one.
func memoryDir() string {
	if i, err := os.Stat("/dev/shm"); err == nil && i.IsDir() {
		return "/dev/shm"
	}
	return ""
}

func (p *Pair) start() error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(p.dir, "bare"), make([]byte, bareSize), 0o600); err != nil {
		return err
	}
	p.child = exec.Command(exe)
	p.child.Env = append(os.Environ(), helperEnv+"="+p.dir)
	p.child.Stderr = os.Stderr
	if p.say, err = p.child.StdinPipe(); err != nil {
		return err
	}
	out, err := p.child.StdoutPipe()
	if err != nil {
		return err
	}
	p.hear = bufio.NewReader(out)
	if err := p.child.Start(); err != nil {
		return err
	}
	if _, err := p.answer(); err != nil {
		return err
	}
	p.side, err = open(p.dir, 0) // pinned only now: the child would inherit it
	return err
}

// open maps the bare memory and opens the bus, on the given CPU.
func open(dir string, on int) (*side, error) {
	unpin, err := cpu.Pin(on)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, "bare"), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	m, err := unix.Mmap(int(f.Fd()), 0, bareSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return nil, err
	}
	views, err := mem.View[bare](m, 0, 1)
	if err != nil {
		return nil, err
	}
	b, err := bus.Open(filepath.Join(dir, "bus"))
	if err != nil {
		return nil, err
	}
	return &side{bus: b, bare: &views[0], unpin: unpin}, nil
}

// Serve is the child's life: it does its half of what the parent asks for, until the parent closes the pipe, and exits. In a process that
// is no child it returns at once.
func Serve() {
	dir := os.Getenv(helperEnv)
	if dir == "" {
		return
	}
	if err := serve(dir, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func serve(dir string, in io.Reader, out io.Writer) error {
	s, err := open(dir, 1)
	if err != nil {
		return err
	}
	defer s.bus.Close()
	fmt.Fprintln(out, "ready")
	for {
		var name, topic string
		var n int
		if _, err := fmt.Fscanln(in, &name, &topic, &n); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		j, ok := jobs[name]
		if !ok {
			return fmt.Errorf("no job %q", name)
		}
		far, err := j.far(s, topic)
		if err != nil {
			return err
		}
		fmt.Fprintln(out, "ready")
		if err := far(n); err != nil {
			return err
		}
		fmt.Fprintln(out, "done")
	}
}

func (p *Pair) answer() (string, error) {
	s, err := p.hear.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("the other process of the pair has ended: %w", err)
	}
	return s, nil
}

// Run does one job with n messages and says how long one took: one way, half the round trip, for those that go back and forth.
func (p *Pair) Run(job Job, n int) (time.Duration, float64, error) {
	j, ok := jobs[job.Name]
	if !ok {
		return 0, 0, fmt.Errorf("no job %q", job.Name)
	}
	topic := "-"
	if job.Topic != nil {
		topic = fmt.Sprintf("t%d", time.Now().UnixNano())
		for _, t := range []string{topic + "/ping", topic + "/pong"} {
			if err := p.side.bus.CreateTopic(t, *job.Topic); err != nil {
				return 0, 0, err
			}
			defer p.side.bus.RemoveTopic(t)
		}
	}
	fmt.Fprintln(p.say, job.Name, topic, n)
	near, err := j.near(p.side, topic)
	if err != nil {
		return 0, 0, err
	}
	if _, err := p.answer(); err != nil {
		return 0, 0, err
	}
	took, err := near(n)
	if err != nil {
		return 0, 0, err
	}
	if _, err := p.answer(); err != nil {
		return 0, 0, err
	}
	return took, float64(took.Nanoseconds()) / float64(n) / j.ways, nil
}

// Close ends the child and removes the files.
func (p *Pair) Close() {
	if p.say != nil {
		p.say.Close()
	}
	if p.child != nil && p.child.Process != nil {
		_ = p.child.Wait()
	}
	if p.side != nil {
		p.side.bus.Close()
		p.side.unpin()
	}
	os.RemoveAll(p.dir)
}
