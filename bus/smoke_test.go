package bus

import (
	"context"
	"fmt"
	"testing"
	"time"
)

func TestSmoke(t *testing.T) {
	dir := t.TempDir()
	b, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	p, err := b.Publisher("a/b", WithTopic(TopicOptions{Policy: PolicyLossless}))
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.Subscribe(ctx, "a/b", Lossless())
	if err != nil {
		t.Fatal(err)
	}
	l, err := b.Subscribe(ctx, "a/b", ReadOnly())
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for i := range 100000 {
			if err := p.Publish(ctx, []byte(fmt.Sprint("frame ", i))); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	for i := range 100000 {
		f, err := s.Receive(ctx)
		if err != nil {
			t.Fatal(i, err)
		}
		if string(f.Bytes()) != fmt.Sprint("frame ", i) {
			t.Fatalf("%d: %q", i, f.Bytes())
		}
		f.Release()
	}
	n := uint64(0)
	for {
		f, err := l.TryReceive()
		if err != nil {
			t.Fatal(err)
		}
		if f == nil {
			break
		}
		n++
		f.Release()
	}
	t.Log(n, l.Lost())
	if n+l.Lost() != 100000 {
		t.Fatal("loss")
	}
	if err := p.Encode(ctx, map[string]int{"a": 1}); err != nil {
		t.Fatal(err)
	}
	ts, err := b.Topics()
	t.Logf("%+v %v", ts, err)
	st, err := b.Stat("a/b")
	t.Logf("%+v %v", st, err)
	if err := b.RemoveTopic("a/b"); err != nil {
		t.Fatal(err)
	}
	t.Log(p.Publish(ctx, nil))
	_, err = s.Receive(ctx)
	t.Log(err)
	_, err = s.Receive(ctx)
	t.Log(err)
}
