//go:build linux

package peers

import (
	"reflect"
	"strings"
	"testing"
)

func TestOptionsArriveAsTheyWereSent(t *testing.T) {
	for _, o := range []Options{
		{Peer: Unix, Publisher: true, Latency: true, Spin: true, Size: 64, Pubs: 1, Subs: 2, Dir: "/x/y", Addr: "nats://127.0.0.1:1"},
		{Peer: NATS, Size: 1 << 20, Pubs: 3, Subs: 1, Index: 2, Queue: 64},
	} {
		if got, err := parse(o.Words()); err != nil || got != o {
			t.Errorf("%+v has become %+v: %v", o, got, err)
		}
	}
	for _, words := range []string{"size=x", "size=8", "size=64 sizes=64", "size"} {
		if o, err := parse(strings.Fields(words)); err == nil {
			t.Errorf("%q is taken as %+v", words, o)
		}
	}
}

func TestWhatIsNotTheNextWholeMessageIsFound(t *testing.T) {
	message := func(who, count uint64) []byte {
		b := make([]byte, 200)
		stamp(b, who<<whoBits|count)
		return b
	}
	torn := func(at int) []byte {
		b := message(0, 3)
		b[at]++
		return b
	}
	for name, c := range map[string]struct {
		bad  []byte
		says string
	}{
		"missing":        {message(0, 4), "message 4 of publisher 0 has come where 3 should"},
		"twice":          {message(0, 2), "message 2 of publisher 0 has come where 3 should"},
		"the other's":    {message(1, 2), "message 2 of publisher 1 has come where 1 should"},
		"nobody's":       {message(2, 1), "publisher 2"},
		"torn within":    {torn(100), "is not what was sent"},
		"torn at an end": {torn(199), "is not what was sent"},
		"short":          {message(0, 3)[:192], "192 bytes"},
	} {
		k := checker{size: 200, next: make([]uint64, 2)}
		for n := range uint64(2) {
			if err := k.message(message(0, n+1)); err != nil {
				t.Fatal(err)
			}
		}
		if err := k.message(c.bad); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNamesOfPairsAreDifferent(t *testing.T) {
	o := Options{Dir: "d", Pubs: 2, Subs: 3}
	seen := make(map[string]bool)
	for _, channel := range []string{"a", "b"} {
		for sub := range receivers(o, channel) {
			for pub := range senders(o, channel) {
				seen[pipe(o, channel, pub, sub)] = true
			}
			seen[inbox(o, channel, sub)] = true
		}
	}
	if want := 2*3 + 3 + 1 + 1; len(seen) != want {
		t.Errorf("%d names, want %d: %v", len(seen), want, reflect.ValueOf(seen).MapKeys())
	}
}
