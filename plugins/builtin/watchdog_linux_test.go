package builtin

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"shmbus/bus"
	"shmbus/plugins"
	"shmbus/plugins/plugintest"
)

// TestFiletailIsAliveWhileItWaitsForReaders has readers who take nothing.
func TestFiletailIsAliveWhileItWaitsForReaders(t *testing.T) {
	dir := plugintest.NewDir(t)
	log := filepath.Join(dir, "a.log")
	noError(t, os.WriteFile(log, bytes.Repeat([]byte("line\n"), 1000), 0o600))
	m, err := plugins.ParseManifest(fmt.Sprintf("builtin = \"filetail\"\nwatchdog = \"500ms\"\n[config]\npaths = [%q]\ntopic = \"l\"\nfrom = \"start\"\n", log), dir)
	noError(t, err)
	b, err := bus.Open(filepath.Join(dir, "bus"))
	noError(t, err)
	defer b.Close()
	noError(t, b.CreateTopic("l", bus.TopicOptions{Policy: bus.PolicyLossless, Slots: 16}))
	s, err := b.Subscribe(t.Context(), "l", bus.Lossless())
	noError(t, err)
	defer s.Close()
	told := listen(t, filepath.Join(dir, "n"))
	cmd := trial{manifest: m, name: "p"}.command(t, b, dir)
	noError(t, cmd.Start())
	defer func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	}()
	if !told.await(func(n plugins.Notice) bool { return n.Ready }) {
		t.Fatal("it is not ready")
	}
	if !await(func() bool { st, err := b.Stat("l"); return err == nil && st.Frames == 16 }) {
		t.Fatal("the ring is not full")
	}
	for range 5 {
		told.forget()
		if !told.await(func(n plugins.Notice) bool { return n.Watchdog }) {
			t.Fatal("it does not say that it is alive")
		}
	}
}
