//go:build linux && (amd64 || arm64)

package wake

import "errors"

// FutexWithoutWaitv is the backend as it is on a kernel before 5.16.
func FutexWithoutWaitv() (Notifier, error) {
	if _, err := Futex(); err != nil {
		return nil, err
	}
	return &futex{}, nil
}

// Woken is what a sleep on a bell says that ended with an error of the system.
var Woken = woken

// FutexInACrowd is the backend with all sleepers in the crowd.
func FutexInACrowd() (Notifier, error) { return futexWithThreads(0) }

// FutexOfItsOwn is the backend as it is, with a crowd that it has for itself.
func FutexOfItsOwn() (Notifier, error) { return futexWithThreads(direct) }

func futexWithThreads(most int32) (Notifier, error) {
	f, err := probeFutex()
	if err != nil {
		return nil, err
	}
	if !f.waitv {
		return nil, errors.New("no futex_waitv here")
	}
	return &futex{waitv: true, most: most}, nil
}

// Watches is how many threads the notifier's crowd keeps.
func Watches(n Notifier) (running int) {
	c := &n.(*futex).crowd
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.watches {
		w.mu.Lock()
		if w.running {
			running++
		}
		w.mu.Unlock()
	}
	return running
}

// Sleepers is how many sleep in the notifier's crowd.
func Sleepers(n Notifier) int { return int(n.(*futex).crowd.size.Load()) }

// Direct is how many sleep on threads of their own.
func Direct(n Notifier) int { return int(n.(*futex).crowd.own.Load()) }

// Crowds says whether the notifier has crowds.
func Crowds(n Notifier) bool {
	f, ok := n.(*futex)
	return ok && f.waitv
}
