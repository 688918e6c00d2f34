package hoststats

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/procfs"
	"github.com/prometheus/procfs/blockdevice"

	"shmbus/plugins"
)

// Run is the plugin.
func Run(ctx context.Context, p *plugins.Plugin) error {
	c := Defaults
	if err := p.Config(&c); err != nil {
		return err
	}
	s, err := newSource(c.Proc)
	if err != nil {
		return plugins.BadConfig("proc", "%w", err)
	}
	var outs [4]*plugins.Outlet
	for i, name := range []string{"cpu", "memory", "disk", "net"} {
		if outs[i], err = p.Outlet(c.Prefix + "/" + name); err != nil {
			return err
		}
	}
	before, err := s.sample()
	if err != nil {
		return err
	}
	p.Ready()
	tick := time.NewTicker(time.Duration(c.Every))
	defer tick.Stop()
	alive := time.NewTicker(p.AliveEvery())
	defer alive.Stop()
	for {
		select {
		case <-tick.C:
		case <-alive.C:
			p.Alive()
			continue
		case <-ctx.Done():
			return nil
		}
		now, err := s.sample()
		if err != nil {
			return err
		}
		for i, v := range []any{now.cpus(before), now.memory(), now.disks(before), now.nets(before)} {
			if err := outs[i].Encode(ctx, v); err != nil {
				return err
			}
		}
		before = now
	}
}

// A source is where the numbers are.
type source struct {
	proc  procfs.FS
	block blockdevice.FS
}

func newSource(proc string) (s source, err error) {
	if s.proc, err = procfs.NewFS(proc); err == nil {
		s.block, err = blockdevice.NewFS(proc, proc) // only /proc is read
	}
	return s, err
}

// A sample is the kernel's counters at one time.
type sample struct {
	time time.Time
	stat procfs.Stat
	load *procfs.LoadAvg
	mem  procfs.Meminfo
	disk map[string]blockdevice.IOStats
	net  procfs.NetDev
}

func (s source) sample() (at sample, err error) {
	at.time = time.Now()
	if at.stat, err = s.proc.Stat(); err != nil {
		return at, err
	}
	if at.load, err = s.proc.LoadAvg(); err != nil {
		return at, err
	}
	if at.mem, err = s.proc.Meminfo(); err != nil {
		return at, err
	}
	disks, err := s.block.ProcDiskstats()
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // in some containers there are none
		return at, err
	}
	at.disk = make(map[string]blockdevice.IOStats, len(disks))
	for _, d := range disks {
		if d.ReadIOs+d.WriteIOs > 0 {
			at.disk[d.DeviceName] = d.IOStats
		}
	}
	if at.net, err = s.proc.NetDev(); errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return at, err
}

func (s sample) cpus(before sample) CPU {
	all, busy := parts(s.stat.CPUTotal, before.stat.CPUTotal)
	c := CPU{
		Time: s.time.Round(0), Percent: busy, User: all.User + all.Nice, System: all.System + all.IRQ + all.SoftIRQ, IOWait: all.Iowait, Steal: all.Steal,
		Load: [3]float64{s.load.Load1, s.load.Load5, s.load.Load15},
	}
	for _, n := range slices.Sorted(maps.Keys(s.stat.CPU)) {
		_, busy := parts(s.stat.CPU[n], before.stat.CPU[n])
		c.Cores = append(c.Cores, busy)
	}
	return c
}

// parts is what a processor has done between two samples, in percent. The kernel's guest time is part of its user time.
func parts(now, before procfs.CPUStat) (p procfs.CPUStat, busy float64) {
	since := func(now, before float64) float64 { return max(now-before, 0) } // idle time has been seen to go back
	p = procfs.CPUStat{
		User: since(now.User, before.User), Nice: since(now.Nice, before.Nice), System: since(now.System, before.System), Idle: since(now.Idle, before.Idle),
		Iowait: since(now.Iowait, before.Iowait), IRQ: since(now.IRQ, before.IRQ), SoftIRQ: since(now.SoftIRQ, before.SoftIRQ), Steal: since(now.Steal, before.Steal),
	}
	total := p.User + p.Nice + p.System + p.Idle + p.Iowait + p.IRQ + p.SoftIRQ + p.Steal
	if total == 0 {
		return procfs.CPUStat{}, 0
	}
	for _, f := range []*float64{&p.User, &p.Nice, &p.System, &p.Idle, &p.Iowait, &p.IRQ, &p.SoftIRQ, &p.Steal} {
		*f *= 100 / total
	}
	return p, min(max(100-p.Idle-p.Iowait, 0), 100)
}

func (s sample) memory() Memory {
	bytes := func(n *uint64) uint64 {
		if n == nil { // this kernel does not say
			return 0
		}
		return *n
	}
	m := Memory{
		Time: s.time.Round(0), Total: bytes(s.mem.MemTotalBytes), Available: bytes(s.mem.MemAvailableBytes), Free: bytes(s.mem.MemFreeBytes),
		Buffers: bytes(s.mem.BuffersBytes), Cached: bytes(s.mem.CachedBytes), Shared: bytes(s.mem.ShmemBytes),
		SwapTotal: bytes(s.mem.SwapTotalBytes), SwapFree: bytes(s.mem.SwapFreeBytes),
	}
	if m.Total > 0 {
		m.Percent = 100 - 100*float64(min(m.Available, m.Total))/float64(m.Total)
	}
	return m
}

// sector is the unit of /proc/diskstats, whatever the device's own is.
const sector = 512

func (s sample) disks(before sample) Disks {
	d := Disks{s.time.Round(0), make(map[string]Disk, len(s.disk))}
	per := s.each(before)
	for name, now := range s.disk {
		old, known := before.disk[name]
		if !known {
			old = now
		}
		d.Disks[name] = Disk{
			ReadBytes: per(now.ReadSectors, old.ReadSectors) * sector, WriteBytes: per(now.WriteSectors, old.WriteSectors) * sector,
			Reads: per(now.ReadIOs, old.ReadIOs), Writes: per(now.WriteIOs, old.WriteIOs),
			Percent: min(per(now.IOsTotalTicks, old.IOsTotalTicks)/10, 100), // milliseconds in a second
		}
	}
	return d
}

func (s sample) nets(before sample) Nets {
	n := Nets{s.time.Round(0), make(map[string]Net, len(s.net))}
	per := s.each(before)
	for name, now := range s.net {
		old, known := before.net[name]
		if !known {
			old = now
		}
		n.Nets[name] = Net{
			ReceivedBytes: per(now.RxBytes, old.RxBytes), ReceivedPackets: per(now.RxPackets, old.RxPackets),
			ReceivedErrors: per(now.RxErrors+now.RxDropped, old.RxErrors+old.RxDropped),
			SentBytes:      per(now.TxBytes, old.TxBytes), SentPackets: per(now.TxPackets, old.TxPackets),
			SentErrors: per(now.TxErrors+now.TxDropped, old.TxErrors+old.TxDropped),
		}
	}
	return n
}

// each makes a rate for each second of two counters. A counter that has begun anew, as that of a device that was taken out and put in
// again, gives no rate yet.
func (s sample) each(before sample) func(now, old uint64) float64 {
	seconds := s.time.Sub(before.time).Seconds()
	return func(now, old uint64) float64 {
		if now < old || seconds <= 0 {
			return 0
		}
		return float64(now-old) / seconds
	}
}
