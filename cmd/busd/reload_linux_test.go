package main

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"shmbus/bus"
)

func TestAHangupReadsTheConfigurationAgain(t *testing.T) {
	r := newRig(t)
	r.write("busd.toml", "[log]\nlevel = \"warn\"\n")
	d := r.start()
	r.lists("^NAME")
	r.write("busd.toml", "[log]\nlevel = \"debug\"\n")
	d.signal(syscall.SIGHUP)
	r.sleeper("a")
	eventually(t, "info is logged", func() bool { return strings.Contains(d.err.String(), "runner started: plugin=a") })
	if strings.Contains(d.err.String(), "busd begins") {
		t.Errorf("info was logged before: %s", d.err.String())
	}
	r.write("busd.toml", "nonsense = 1\n")
	d.signal(syscall.SIGHUP)
	eventually(t, "it says what is wrong", func() bool {
		return strings.Contains(d.err.String(), `busd.toml: line 1: nonsense: there is no such key`)
	})
	r.write("busd.toml", "")
	r.lists("^a +running")
}

func TestAHangupReadsAConfigurationThatWasNotThere(t *testing.T) {
	r := newRig(t)
	d := r.start()
	r.lists("^NAME")
	r.write("busd.toml", "[log]\nlevel = \"debug\"\n[[topics]]\nname = \"made/later\"\n")
	d.signal(syscall.SIGHUP)
	b, err := bus.Open(filepath.Join(r.top, "bus"))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	eventually(t, "the topic is made", func() bool {
		_, err := b.Stat("made/later")
		return err == nil
	})
	eventually(t, "it says what was read", func() bool {
		return strings.Contains(d.err.String(), "reload: config="+filepath.Join(r.top, "busd.toml"))
	})
}
