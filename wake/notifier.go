package wake

import "time"

// A Notifier puts a goroutine to sleep on a bell and wakes those that sleep. One value serves any number of waiters and ringers;
// all methods may be called by any goroutine at any time.
type Notifier interface {
	// Name is the backend's name, for people: "futex", "poll".
	Name() string

	// Polls reports that the backend looks at intervals instead of being woken. Its waiters never write the bell.
	Polls() bool

	// Sleep sleeps while the bell has this value and nothing is pending in poke, until Wake or WakePoke, or until limit has
	// passed (0 or less: no limit). It may return early for no reason. A nil bell means to sleep on poke alone. An error means that
	// sleeping is not possible, and names what the system refused.
	Sleep(bell *Bell, value uint32, poke *Poke, limit time.Duration) error

	// Wake wakes all that sleep on the bell, in all processes.
	Wake(bell *Bell) error

	// WakePoke wakes the one that sleeps with p.
	WakePoke(p *Poke) error
}

// Default is the best backend of this machine: futex where the kernel has it, otherwise Poll with its default interval.
func Default() Notifier {
	if n, err := Futex(); err == nil {
		return n
	}
	return Poll(0)
}
