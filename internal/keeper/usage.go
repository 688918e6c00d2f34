package keeper

import (
	"time"

	"shmbus/plugins"
)

// Usage is what processes use.
type Usage struct {
	CPU       time.Duration // user and system time since it is looked at, never less than before
	RSS       int64         // bytes that are resident now; memory that they share counts for each
	Processes int
}

// Percent is how much of a core was used since an earlier look, dt before. 0 if that is not known.
func (u Usage) Percent(was Usage, dt time.Duration) float64 {
	if dt <= 0 || u.CPU < was.CPU {
		return 0
	}
	return 100 * (u.CPU - was.CPU).Seconds() / dt.Seconds()
}

// procs knows the processes of plugins.
type procs struct {
	families map[string]*family // by the plugin's name
}

// A family is a plugin's process and those that it has started.
type family struct {
	root     plugins.Process
	children []int         // and theirs
	counted  time.Time     // when these were looked for
	total    time.Duration // over all roots
	sum      time.Duration // of root and children, when they were looked at last
}

// newMembers is how often the members of a family are looked for: it takes longer than to look what they use.
const newMembers = 5 * time.Second

// look is what the processes of plugins use, in the order of states.
func (p *procs) look(states []plugins.State, now time.Time) []Usage {
	families := make(map[string]*family, len(states))
	all := make([]Usage, len(states))
	for i, st := range states {
		f := p.families[st.Name]
		if f == nil {
			f = &family{}
		}
		families[st.Name] = f
		if f.root != st.Plugin {
			f.root, f.children, f.counted, f.sum = st.Plugin, nil, time.Time{}, 0
		}
		all[i] = f.look(now)
	}
	p.families = families
	return all
}

func (f *family) look(now time.Time) Usage {
	u := Usage{CPU: f.total}
	root, ok := readStat(f.root.PID)
	if !ok || f.root.Start != 0 && root.start != f.root.Start { // it has ended, and the pid may be another's
		return u
	}
	if now.Sub(f.counted) >= newMembers {
		f.children, f.counted = descendants(f.root.PID), now
	}
	u.Processes, u.RSS = 1, root.rss
	sum := root.cpu
	for _, pid := range f.children {
		if s, ok := readStat(pid); ok {
			u.Processes++
			u.RSS += s.rss
			sum += s.cpu
		}
	}
	// A child that has ended counts for its parent, if that has waited for it. If not, its time is missing from now on, not counted twice.
	f.total += max(0, sum-f.sum)
	f.sum = sum
	u.CPU = f.total
	return u
}

// procStat is what a process uses.
type procStat struct {
	start uint64        // clock ticks after the machine was started
	cpu   time.Duration // of it, and of its children that have ended and were waited for
	rss   int64         // bytes
}
