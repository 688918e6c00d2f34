package topics

import (
	"strings"
	"testing"
)

// TestATopicWhoseHashIsDamagedIsMislaid with names of all lengths, beside others that differ in their first or last byte only.
func TestATopicWhoseHashIsDamagedIsMislaid(t *testing.T) {
	for n := 3; n <= MaxName; n++ {
		tab, _ := newTable(t)
		middle := strings.Repeat("m", n-2)
		mustPublish(t, tab, "b"+middle+"x")
		mustPublish(t, tab, "a"+middle+"y")
		name := "a" + middle + "x"
		wantErr(t, tab.Mislaid(name), ErrNoTopic)
		e := mustPublish(t, tab, name)
		wantErr(t, tab.Mislaid(name), ErrNoTopic) // its hash is in order
		p := &tab.entries[e.Place]
		p.hash.Set(p.hash.Get() + 1)
		if rest := n % 8; rest != 0 { // what lies behind a name is nobody's
			last := &p.name[n/8]
			last.Set(last.Get() | ^uint64(0)<<(8*rest))
		}
		wantErr(t, tab.Mislaid(name), ErrCorrupt)
		wantErr(t, tab.Mislaid("b"+middle+"x"), ErrNoTopic)
		wantErr(t, tab.Mislaid("c"+middle+"x"), ErrNoTopic)
		wantErr(t, tab.Mislaid("a"+middle+"z"), ErrNoTopic)
		tab.Retire(e)
		wantErr(t, tab.Mislaid(name), ErrNoTopic)
	}
	tab, _ := newTable(t)
	long := strings.Repeat("x", MaxName+1)
	tab.entries[mustPublish(t, tab, "x").Place].length.Set(uint64(len(long)))
	wantErr(t, tab.Mislaid(long), ErrNoTopic)
}

// TestARegionBehindTheEndIsCorrupt while its topic is there, and after that until its place is free. mustPublish's lie from 4096 to 12288.
func TestARegionBehindTheEndIsCorrupt(t *testing.T) {
	tab, _ := newTable(t)
	wantErr(t, tab.Within(0), nil)
	mustPublish(t, tab, "a")
	e := mustPublish(t, tab, "b")
	wantErr(t, tab.Within(12288), nil)
	wantErr(t, tab.Within(12287), ErrCorrupt)
	tab.entries[e.Place].size.Set(8193)
	wantErr(t, tab.Within(12288), ErrCorrupt)
	tab.Retire(e)
	wantErr(t, tab.Within(12288), ErrCorrupt)
	tab.Release(e)
	wantErr(t, tab.Within(12288), nil)

	e = mustPublish(t, tab, "c")
	p := &tab.entries[e.Place]
	p.size.Set(1 << 40)
	p.flags.Set(9)
	wantErr(t, tab.Within(12288), nil) // what makes no sense has no region
}

func TestEphemeralTopicsAreFoundAmongOthers(t *testing.T) {
	tab, _ := newTable(t)
	mustPublish(t, tab, "a")
	e, err := tab.Publish("b", 4096, 8192, 77, true)
	wantErr(t, err, nil)
	senseless, err := tab.Publish("c", 4096, 8192, 77, true)
	wantErr(t, err, nil)
	tab.entries[senseless.Place].hash.Set(0)
	if some := tab.Ephemeral(); len(some) != 1 || some[0] != e {
		t.Errorf("ephemeral are %+v", some)
	}
	tab.Retire(e)
	if some := tab.Ephemeral(); len(some) != 0 {
		t.Errorf("ephemeral are %+v", some)
	}
}
