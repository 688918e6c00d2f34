package waketest

import (
	"testing"

	"shmbus/internal/mem"
	"shmbus/wake"
)

// RunReadOnly checks, as a subtest of t, that a backend which Polls waits on a bell that it may not write. A store would
// kill the test.
func RunReadOnly(t *testing.T, name string, backend func() wake.Notifier) {
	t.Run(name+"/ABellThatMayNotBeWrittenIsOnlyRead", func(t *testing.T) {
		writable, readOnly := twice(t)
		words, err := mem.View[mem.Word](writable, 64, 1)
		if err != nil {
			t.Fatal(err)
		}
		lines, err := mem.View[wake.Line](readOnly, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		seen, err := mem.View[mem.Word](readOnly, 64, 1)
		if err != nil {
			t.Fatal(err)
		}
		n := spyOn(backend())
		w := wake.NewWaiter(n, wake.Adaptive)
		defer w.Close()
		results := make(chan error, 1)
		ctx := guarded(t)
		go func() { results <- await(ctx, w, &lines[0], &seen[0], 1) }()
		<-n.asleep
		words[0].Store(1)
		if err := within(t, results, "a store without a ring"); err != nil {
			t.Fatal(err)
		}
	})
}
