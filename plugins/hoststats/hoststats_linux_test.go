package hoststats

import (
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/plugins/plugintest"
)

// files are a /proc at two times, ten seconds apart.
var files = map[string][2]string{
	"stat": {
		"cpu  1000 100 500 8000 200 50 50 100 40 0\ncpu0 500 50 250 4000 100 25 25 50 20 0\ncpu1 500 50 250 4000 100 25 25 50 20 0\nintr 5\nctxt 1\nbtime 1\nprocesses 1\nprocs_running 1\nprocs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n",
		"cpu  1200 200 600 8900 300 100 150 350 80 0\ncpu0 500 50 250 5000 100 25 25 50 20 0\ncpu1 700 150 350 3900 200 75 125 300 60 0\nintr 5\nctxt 1\nbtime 1\nprocesses 1\nprocs_running 1\nprocs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n",
	},
	"loadavg": {"0 0 0 1/2 3\n", "0.50 1.25 2.00 1/2 3\n"},
	"meminfo": {"MemTotal: 1 kB\n", "MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 250 kB\nBuffers: 10 kB\nCached: 20 kB\nShmem: 30 kB\nSwapTotal: 40 kB\nSwapFree: 5 kB\n"},
	"diskstats": {
		"   8 0 sda 10 0 100 0 20 0 200 0 0 1000 0\n   7 0 loop0 0 0 0 0 0 0 0 0 0 0 0\n   8 16 old 5 0 5 0 5 0 5 0 0 5 0\n",
		"   8 0 sda 110 0 300 0 40 0 1200 0 0 3500 0\n   7 0 loop0 0 0 0 0 0 0 0 0 0 0 0\n   8 32 new 9 0 9 0 9 0 9 0 0 9 0\n",
	},
	"net/dev": {
		"Inter-|   Receive                                                |  Transmit\n face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n  eth0: 1000 10 1 2 0 0 0 0 5000 50 0 0 0 0 0 0\n  ppp0: 9 9 9 9 0 0 0 0 9 9 9 9 0 0 0 0\n",
		"Inter-|   Receive                                                |  Transmit\n face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n  eth0: 3000 30 2 4 0 0 0 0 6000 60 5 5 0 0 0 0\n  ppp0: 3 3 3 3 0 0 0 0 3 3 3 3 0 0 0 0\n",
	},
}

// at writes /proc as it was at a time, and samples it.
func at(t *testing.T, dir string, i int) sample {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content[i]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := newSource(dir)
	if err != nil {
		t.Fatal(err)
	}
	x, err := s.sample()
	if err != nil {
		t.Fatal(err)
	}
	x.time = time.Unix(int64(10*i), 0)
	return x
}

func TestTheNumbersAreThoseOfProc(t *testing.T) {
	dir := t.TempDir()
	before, now := at(t, dir, 0), at(t, dir, 1)
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-9 {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	// 200 user, 100 nice, 100 system, 900 idle, 100 iowait, 50 irq, 100 softirq and 250 steal of 1800 ticks.
	cpu := now.cpus(before)
	near("busy", cpu.Percent, 800./18)
	near("user", cpu.User, 300./18)
	near("system", cpu.System, 250./18)
	near("iowait", cpu.IOWait, 100./18)
	near("steal", cpu.Steal, 250./18)
	if len(cpu.Cores) != 2 || cpu.Cores[0] != 0 || cpu.Load != [3]float64{0.5, 1.25, 2} {
		t.Errorf("%+v", cpu)
	}
	near("the second core, whose idle time goes back", cpu.Cores[1], 100*800./900)
	mem := now.memory()
	want := Memory{
		Time: mem.Time, Total: 1000 << 10, Free: 100 << 10, Available: 250 << 10, Buffers: 10 << 10, Cached: 20 << 10, Shared: 30 << 10,
		SwapTotal: 40 << 10, SwapFree: 5 << 10, Percent: 75,
	}
	if mem != want {
		t.Errorf("%+v", mem)
	}
	disks := map[string]Disk{"sda": {ReadBytes: 20 * 512, WriteBytes: 100 * 512, Reads: 10, Writes: 2, Percent: 25}, "new": {}}
	if got := now.disks(before).Disks; !reflect.DeepEqual(got, disks) {
		t.Errorf("%+v", got)
	}
	nets := map[string]Net{
		"eth0": {ReceivedBytes: 200, ReceivedPackets: 2, ReceivedErrors: 0.3, SentBytes: 100, SentPackets: 1, SentErrors: 1}, "ppp0": {},
	}
	if got := now.nets(before).Nets; !reflect.DeepEqual(got, nets) {
		t.Errorf("%+v", got)
	}
}

func TestAMachineWithoutDisksAndNetworkHasNone(t *testing.T) {
	dir := t.TempDir()
	before := at(t, dir, 0)
	for _, name := range []string{"diskstats", "net/dev"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	s, err := newSource(dir)
	if err != nil {
		t.Fatal(err)
	}
	now, err := s.sample()
	if err != nil || len(now.disks(before).Disks) != 0 || len(now.nets(before).Nets) != 0 {
		t.Errorf("%+v, %v", now, err)
	}
}

func TestThisMachineIsPublished(t *testing.T) {
	h := plugintest.Start(t, Run, `{"every":"100ms","prefix":"here"}`)
	value := func(topic string, to any) {
		t.Helper()
		f := h.Receive(h.Subscribe(topic))
		defer f.Release()
		if f.Kind() != bus.KindMsgpack {
			t.Errorf("%s: %v", topic, f.Kind())
		}
		if err := f.Decode(to); err != nil {
			t.Error(err)
		}
	}
	var cpu CPU
	var mem Memory
	var disks Disks
	var nets Nets
	value("here/cpu", &cpu)
	value("here/memory", &mem)
	value("here/disk", &disks)
	value("here/net", &nets)
	if cpu.Time.IsZero() || cpu.Percent < 0 || cpu.Percent > 100 || len(cpu.Cores) == 0 {
		t.Errorf("%+v", cpu)
	}
	if mem.Total == 0 || mem.Available > mem.Total {
		t.Errorf("%+v", mem)
	}
	if _, ok := nets.Nets["lo"]; !ok || disks.Time != cpu.Time {
		t.Errorf("%+v %+v", nets, disks)
	}
	h.Stop()
}

func TestTopicsThatAreRemovedAreMadeAgain(t *testing.T) {
	h := plugintest.Start(t, Run, `{"every":"100ms"}`)
	for _, topic := range []string{"host/cpu", "host/memory", "host/disk", "host/net"} {
		h.Receive(h.Subscribe(topic)).Release()
		if err := h.Bus.RemoveTopic(topic); err != nil {
			t.Fatal(err)
		}
		h.Receive(h.Subscribe(topic)).Release()
	}
	h.Stop()
}

func TestAConfigThatMakesNoSenseIsRefused(t *testing.T) {
	for config, want := range map[string]string{`{"every":"1ms"}`: "at least 100ms", `{"proc":"/none"}`: "config.proc: ", `{"prefix":"a/"}`: "bad topic name"} {
		if err := plugintest.Run(t, Run, config); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", config, err, want)
		}
	}
}
