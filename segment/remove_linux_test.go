package segment

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"
)

func init() {
	helpers["remove what is another's"] = func(args []string) {
		s, err := Open(args[0], "a", ReadWrite)
		must(err)
		fmt.Println(errors.Is(s.Remove(), fs.ErrPermission))
		l, err := LockDir(context.Background(), args[0], Options{})
		must(err)
		fmt.Println(errors.Is(Remove(args[0], "a"), fs.ErrPermission))
		must(l.Unlock())
		must(s.Close())
	}
}

// TestWhatMayNotBeRemovedStaysWhole: in a directory as /tmp is everybody may open the files, and only their owner may remove them.
func TestWhatMayNotBeRemovedStaysWhole(t *testing.T) {
	attr := nobody(t)
	dir := busDir(t)
	if err := os.Chmod(dir, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	l, err := LockDir(t.Context(), dir, Options{Mode: 0o666})
	if err != nil {
		t.Fatal(err)
	}
	s, err := Create(dir, "a", Options{Mode: 0o666})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if err := l.Unlock(); err != nil {
		t.Fatal(err)
	}
	p := startHelper(t, attr, "remove what is another's", dir)
	p.want("true")
	p.want("true")
	if err := s.Gone(); err != nil {
		t.Errorf("the segment is gone for its users: %v", err)
	}
	open(t, dir, "a", ReadWrite)
	if err := s.Remove(); err != nil { // its owner may
		t.Error(err)
	}
}

// TestARemovalUnderWayIsNoDamage: who removes it has the lock of its table, as somebody who is in it has one.
func TestARemovalUnderWayIsNoDamage(t *testing.T) {
	s := create(t, Options{})
	unlock, err := s.LockTable()
	if err != nil {
		t.Fatal(err)
	}
	must(s.MarkDead())
	if _, err := Create(s.Dir(), "a", Options{}); !errors.Is(err, ErrTableHeld) {
		t.Errorf("another one is made: %v", err)
	}
	unlock()
	next, err := Create(s.Dir(), "a", Options{})
	if err != nil {
		t.Fatal(err)
	}
	must(next.Close())
}
