package supervise

import (
	"bufio"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
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

// TestWhoWaitsKeepsNobodyFromAsking: commands that wait for plugins leave room for those that do not, and a house that is full says so.
func TestWhoWaitsKeepsNobodyFromAsking(t *testing.T) {
	r := newRig(t)
	r.manifest("a", "grace = \"10m\"\n[config]\ndeaf = true\n")
	r.serve()
	runner, err := openProcess(r.is("a", plugins.Running).Runner)
	if err != nil {
		t.Fatal(err)
	}
	defer runner.Close()
	dial := func() net.Conn {
		t.Helper()
		c, err := net.Dial("unix", r.o.Place.Control())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	said := func(q Request) string {
		t.Helper()
		var all []Answer
		if err := r.ask(q, &all); err != nil {
			t.Errorf("%+v: %v", q, err)
		}
		if len(all) != 1 {
			return fmt.Sprintf("%+v", all)
		}
		if all[0].Plugin != nil {
			return string(all[0].Plugin.Phase)
		}
		return all[0].Error
	}
	stop := Request{Do: "stop", Names: []string{"a"}}
	var waiting []*bufio.Scanner
	for range maxWaits {
		c := dial()
		if _, err := fmt.Fprintln(c, `{"do": "stop", "names": ["a"]}`); err != nil {
			t.Fatal(err)
		}
		waiting = append(waiting, bufio.NewScanner(c))
	}
	for _, w := range waiting {
		for range 2 { // it is at it, and it still is
			if !w.Scan() || w.Text() != "{}" {
				t.Fatalf("%q, %v", w.Text(), w.Err())
			}
		}
	}
	if got := said(Request{Do: "list"}); got != "stopping" {
		t.Errorf("the list: %s", got)
	}
	if got := said(stop); !strings.Contains(got, "64 commands wait for plugins") {
		t.Errorf("one more: %s", got)
	}
	var silent []net.Conn
	for range maxTalks - maxWaits {
		silent = append(silent, dial())
	}
	if got := said(Request{Do: "list"}); !strings.Contains(got, "asked by 96 others at once") {
		t.Errorf("a full house: %s", got)
	}
	for _, c := range silent {
		c.Close()
	}
	r.until("there is room again", func() bool { return said(Request{Do: "list"}) == "stopping" })
	if err := sendSignal(runner, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for _, w := range waiting {
		last := []string{}
		for w.Scan() {
			last = append(last, w.Text())
		}
		last = slices.DeleteFunc(last, func(s string) bool { return s == "{}" })
		if len(last) != 2 || !strings.Contains(last[0], `"phase":"stopped"`) || last[1] != `{"done":true}` {
			t.Errorf("who waited is told %q", last)
		}
	}
	if got := said(stop); got != "stopped" {
		t.Errorf("after all this: %s", got)
	}
}
