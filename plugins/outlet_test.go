package plugins

import (
	"context"
	"errors"
	"testing"

	"shmbus/bus"
)

func TestATopicThatIsRemovedIsMadeAgainAsTheManifestHasIt(t *testing.T) {
	needsABus(t)
	b, err := bus.Open(newDir(t))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	t.Setenv(EnvTopics, "a")
	t.Setenv(EnvShapes, `[{"name":"a","slots":32,"policy":"lossless"}]`)
	o, err := (&Plugin{Bus: b}).Outlet("")
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	made := func(frames uint64) {
		t.Helper()
		st, err := b.Stat("a")
		if err != nil || st.Slots != 32 || st.Policy != bus.PolicyLossless || st.Frames != frames {
			t.Errorf("%+v, %v", st, err)
		}
	}
	made(0)
	for _, publish := range map[string]func(context.Context) error{
		"a frame":   func(ctx context.Context) error { return o.Publish(ctx, []byte("x")) },
		"a value":   func(ctx context.Context) error { return o.Encode(ctx, 1) },
		"one batch": func(ctx context.Context) error { _, err := o.PublishBatch(ctx, [][]byte{[]byte("x")}); return err },
	} {
		if err := b.RemoveTopic("a"); err != nil {
			t.Fatal(err)
		}
		done, cancel := context.WithCancel(t.Context())
		cancel()
		if err := publish(done); !errors.Is(err, context.Canceled) || !errors.Is(err, bus.ErrNoTopic) {
			t.Errorf("when the context is done: %v", err)
		}
		if err := publish(t.Context()); err != nil {
			t.Error(err)
		}
		made(1)
	}
	t.Setenv(EnvShapes, `[`)
	if _, err := (&Plugin{Bus: b}).Publisher("a"); err == nil {
		t.Error("half a list is taken")
	}
}
