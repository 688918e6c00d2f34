package exec

import (
	"os"
	"testing"

	"shmbus/plugins"
)

func TestARunnerWhoseLockWasRemovedEndsWithItsPlugin(t *testing.T) {
	w := newWorld(t, `contract = "bus"
command = ["sleep", "1000"]`)
	w.start()
	s := w.phase(plugins.Running)
	if err := os.Remove(w.nook.Lock()); err != nil {
		t.Fatal(err)
	}
	has(t, w.end(), "no busd would find this runner", w.nook.Lock(), "was removed")
	if alive(s.Plugin.PID) {
		t.Error("the plugin is alive")
	}
	has(t, w.event(Orphaned).Detail, "was removed")
}

func TestTheRunnerAfterOneWhoseLockWasRemovedIsTheOnlyOne(t *testing.T) {
	w := newWorld(t, `contract = "bus"
command = ["sleep", "1000"]
[restart]
first = "1ms"`)
	w.start()
	first := w.runner
	one := w.phase(plugins.Running)
	if err := os.Remove(w.nook.Lock()); err != nil {
		t.Fatal(err)
	}
	w.start()
	second := w.runner
	w.runner = first
	has(t, w.end(), "was removed")
	w.runner = second
	s := w.until("the second runner's plugin runs", func(s plugins.State) bool { return s.Phase == plugins.Running && s.Runner.PID == second.Pid() })
	if !alive(s.Plugin.PID) || alive(one.Plugin.PID) {
		t.Errorf("%+v; the first plugin was %d", s, one.Plugin.PID)
	}
	if _, err := os.Lstat(w.nook.Notify()); err != nil {
		t.Errorf("the first runner has removed the socket of the second: %v", err)
	}
}
