package wake_test

import (
	"testing"

	"shmbus/wake"
	"shmbus/wake/waketest"
)

// available are the backends of this machine; missing says why others are not among them.
var available, missing = func() (map[string]func() wake.Notifier, map[string]error) {
	have, lack := map[string]func() wake.Notifier{"poll": func() wake.Notifier { return wake.Poll(0) }}, map[string]error{}
	for name, open := range map[string]func() (wake.Notifier, error){
		"futex":               wake.Futex,
		"futex-without-waitv": wake.FutexWithoutWaitv,
		"futex-in-a-crowd":    wake.FutexInACrowd,
	} {
		n, err := open()
		if err != nil {
			lack[name] = err
			continue
		}
		have[name] = func() wake.Notifier { return n }
	}
	return have, lack
}()

func TestMain(m *testing.M) { waketest.Main(m, available) }

// each runs f for every backend, and says which ones are missing here and why.
func each(t *testing.T, f func(t *testing.T, name string, backend func() wake.Notifier)) {
	for name, backend := range available {
		f(t, name, backend)
	}
	for name, err := range missing {
		t.Run(name, func(t *testing.T) { t.Skip(err) })
	}
}

func TestEveryBackendConformsOverHeapMemory(t *testing.T) {
	each(t, func(t *testing.T, name string, backend func() wake.Notifier) {
		waketest.Run(t, name, backend, waketest.Heap)
	})
}

func TestEveryBackendConformsOverAMappedFile(t *testing.T) {
	lines := waketest.Mapped(t)
	each(t, func(t *testing.T, name string, backend func() wake.Notifier) {
		waketest.Run(t, name, backend, lines)
	})
}

func TestEveryBackendWakesAcrossProcesses(t *testing.T) { each(t, waketest.RunProcesses) }

func TestAPollerNeedsNoRightToWrite(t *testing.T) {
	waketest.RunReadOnly(t, "poll", available["poll"])
}
