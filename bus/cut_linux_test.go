package bus_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/hashicorp/go-hclog"

	"shmbus/bus"
)

// A cutter is a log that cuts a file short as soon as somebody has opened it.
type cutter struct {
	hclog.Logger
	path string
	size int64
}

func (c *cutter) Debug(msg string, _ ...any) {
	if msg == "segment opened" {
		_ = os.Truncate(c.path, c.size)
	}
}

func (c *cutter) With(...any) hclog.Logger { return c }

// TestAFileThatIsCutShortAmidACall: each call of a Bus ends in an error or finds what is still there, whatever part of the
// file is gone. (Discover, which waits then, lists by Topics.)
func TestAFileThatIsCutShortAmidACall(t *testing.T) {
	faultsInTheTable(t)
	keep := func(_ any, err error) error { return err }
	calls := map[string]func(b *bus.Bus) error{
		"CreateTopic":  func(b *bus.Bus) error { return b.CreateTopic("new", bus.TopicOptions{Slots: 2}) },
		"RemoveTopic":  func(b *bus.Bus) error { return b.RemoveTopic("t") },
		"Publisher":    func(b *bus.Bus) error { return keep(b.Publisher("t")) },
		"Subscribe":    func(b *bus.Bus) error { return keep(b.Subscribe(t.Context(), "t")) },
		"a tap":        func(b *bus.Bus) error { return keep(b.Subscribe(t.Context(), "t", bus.ReadOnly())) },
		"Kick":         func(b *bus.Bus) error { return b.Kick("t", 1) },
		"Topics":       func(b *bus.Bus) error { return keep(b.Topics()) },
		"Stat":         func(b *bus.Bus) error { return keep(b.Stat("t")) },
		"Stats":        func(b *bus.Bus) error { return keep(b.Stats("t")) },
		"Survey":       func(b *bus.Bus) error { return keep(b.Survey()) },
		"Participants": func(b *bus.Bus) error { return keep(b.Participants()) },
		"Unheld":       func(b *bus.Bus) error { return keep(b.Unheld()) },
		"Prune":        func(b *bus.Bus) error { return keep(b.Prune()) },
		"Doctor":       func(b *bus.Bus) error { return keep(b.Doctor()) },
		"Reap":         func(b *bus.Bus) error { return keep(b.Reap()) },
	}
	for _, topic := range []string{"t", ""} {
		for name, call := range calls {
			dir := newDir(t)
			path := filepath.Join(dir, "main.seg")
			made, err := bus.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			if err := made.CreateTopic("t", bus.TopicOptions{Slots: 2, Policy: bus.PolicyLossless}); err != nil {
				t.Fatal(err)
			}
			if topic == "" {
				err = made.RemoveTopic("t")
			}
			i, serr := os.Stat(path)
			if err = errors.Join(err, serr, made.Close()); err != nil {
				t.Fatal(err)
			}
			before := descriptors(t)
			whole, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for size := int64(0); size < i.Size(); size += (i.Size()/16 + 4095) &^ 4095 {
				b, err := bus.Open(dir, bus.WithLogger(&cutter{hclog.NewNullLogger(), path, size}))
				if err != nil {
					t.Fatal(err)
				}
				if err := call(b); size == 0 && err == nil && name != "Doctor" && name != "Reap" {
					t.Errorf("%s: no error, and nothing is there", name)
				}
				_ = b.Close() // which may find what it has to give back gone
				if err := os.WriteFile(path, whole, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if n := descriptors(t); n > before+4 { // of Go's runtime
				t.Errorf("%s: %d files are open, %d more than before", name, n, n-before)
			}
		}
	}
}

// TestABellFileThatWasCutShortCostsAWakeAndNothingElse: what was done is not undone by it, nor does anything stay open.
func TestABellFileThatWasCutShortCostsAWakeAndNothingElse(t *testing.T) {
	faultsInTheTable(t)
	top := newDir(t)
	before := descriptors(t)
	for i := range 10 {
		dir := filepath.Join(top, strconv.Itoa(i))
		b, err := bus.Open(dir)
		noError(t, err)
		noError(t, b.CreateTopic("t", bus.TopicOptions{Slots: 64}))
		_, err = b.Topics() // for which it opens the files
		noError(t, err)
		noError(t, os.Truncate(filepath.Join(dir, "main.bell"), 0))
		noError(t, b.CreateTopic("u", bus.TopicOptions{Slots: 64}))
		noError(t, b.RemoveTopic("t"))
		p, err := b.Publisher("v")
		noError(t, err)
		for range 3 {
			is(t, p.Publish(soon(t), nil), bus.ErrCorrupt, "main.bell", "cut short")
		}
		noError(t, p.Close())
		all, err := b.Topics()
		noError(t, err)
		if len(all) != 2 || all[0].Name != "u" || all[1].Name != "v" {
			t.Errorf("topics are %+v", all)
		}
		noError(t, b.Close())
	}
	if n := descriptors(t); n > before+4 { // of Go's runtime
		t.Errorf("%d files are open, %d more than before", n, n-before)
	}
}

func TestCloseSaysWhatItIsAndOfWhatKindWhereTheFileIsGone(t *testing.T) {
	faultsInTheTable(t)
	dir := newDir(t)
	b, err := bus.Open(dir)
	noError(t, err)
	noError(t, publisher(t, b, "t").Publish(soon(t), nil))
	noError(t, os.Truncate(filepath.Join(dir, "main.seg"), 0))
	is(t, b.Close(), bus.ErrCorrupt, "bus: close", "main.seg", "remove the segment's files")
}
