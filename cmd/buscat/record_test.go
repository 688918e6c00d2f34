package main

import (
	"context"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/internal/testproc"
)

func TestSizesInBytes(t *testing.T) {
	for text, want := range map[string]byteSize{
		"1": 1, "500000": 5e5, "100MB": 1e8, "100mb": 1e8, "1.5k": 1500, "1KiB": 1024, "2GiB": 2 << 30, "3 MB": 3e6, "7B": 7,
		"": -1, "0": -1, "-1": -1, "MB": -1, "1XB": -1, "NaN": -1, "1e30": -1, "i": -1, "1BB": -1, "1TT": -1,
	} {
		var b byteSize
		err := b.Set(text)
		if err == nil && b != want || err != nil && want >= 0 {
			t.Errorf("%q: %d, %v", text, b, err)
		}
	}
}

// TestAPlayerKeepsThePace: frames are due by their times and the speed; a file that is older than the one before begins at once.
func TestAPlayerKeepsThePace(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	const ms = uint64(time.Millisecond)
	p := &player{speed: 2}
	start := time.Now()
	for _, at := range []uint64{1000 * ms, 1010 * ms, 1005 * ms, 1040 * ms} {
		if err := p.wait(ctx, at); err != nil {
			t.Fatal(err)
		}
		p.frames++
	}
	if d := time.Since(start); d < 20*time.Millisecond {
		t.Errorf("40 ms at twice the speed took %v", d)
	}
	p.fileBegins()
	begun := time.Now()
	for _, at := range []uint64{10 * ms, 30 * ms} {
		if err := p.wait(ctx, at); err != nil {
			t.Fatal(err)
		}
	}
	if d := time.Since(begun); d < 10*time.Millisecond || d > patience {
		t.Errorf("20 ms at twice the speed took %v", d)
	}
	cancel()
	if err := p.wait(ctx, 1<<63); err == nil {
		t.Error("a frame of the far future is due")
	}
	p.speed = 0
	if err := p.wait(ctx, 1<<63); err != nil {
		t.Error(err)
	}
}

// TestAPlayerPublishesWhatIsNoMsgpackAsItIs: the file may say that a frame is of that kind.
func TestAPlayerPublishesWhatIsNoMsgpackAsItIs(t *testing.T) {
	b, err := bus.Open(testproc.MemoryDir(t) + "/bus")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	out, err := b.Publisher("t")
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.Subscribe(t.Context(), "t")
	if err != nil {
		t.Fatal(err)
	}
	p := &player{bus: b}
	for body, kind := range map[string]bus.Kind{"\x01": bus.KindMsgpack, "\x01\x02": bus.KindRaw, "": bus.KindRaw} {
		if err := p.publish(t.Context(), &outChannel{&outTopic{Publisher: out}, true}, []byte(body)); err != nil {
			t.Fatal(err)
		}
		f, err := s.TryReceive()
		if err != nil || f == nil || f.Kind() != kind || string(f.Bytes()) != body {
			t.Fatalf("%q became %v, %v", body, f, err)
		}
		f.Release()
	}
}
