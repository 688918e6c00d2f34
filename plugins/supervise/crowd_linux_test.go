package supervise

import (
	"fmt"
	"sync"
	"testing"

	"shmbus/plugins"
)

func TestManyMayTellItThingsAtOnce(t *testing.T) {
	r := newRig(t)
	names := []string{"a", "b", "c", "d"}
	for _, name := range names {
		r.manifest(name, "")
	}
	stop := r.start()
	for _, name := range names {
		r.runs(name)
	}
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for n := range 10 {
				for k, f := range []func(string) error{r.s.Restart, r.s.Stop, r.s.Start, func(string) error { return r.s.Reload() }} {
					if err := f(names[(i+n+k)%len(names)]); err != nil {
						t.Error(err)
					}
				}
				if got := r.s.Plugins(); len(got) != len(names) {
					t.Errorf("%d plugins: %+v", len(got), got)
				}
			}
		})
	}
	for n := range 3 {
		r.manifest("d", fmt.Sprintf("env = {N = \"%d\"}\n", n))
		r.until("the change is seen", func() bool { return r.s.Alive() == nil })
	}
	all.Wait()
	for _, name := range names {
		if err := r.s.Start(name); err != nil {
			t.Fatal(err)
		}
		r.until(name+" is at rest", func() bool { return r.s.settled(name) })
		if st := r.is(name, plugins.Running); st.Problem != "" {
			t.Errorf("%+v", st)
		}
	}
	stop()
	for _, name := range names {
		r.gone(name)
	}
}
