//go:build shmbus_sched

package sched

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"shmbus/internal/mem"
)

// small is a scenario over eight words. body gets them and starts actors; what they end with is collected.
func small(body func(x *Explorer, w []mem.Word, p []mem.Plain), ends func(w []mem.Word) string) (*Scenario, map[string]bool) {
	seen := make(map[string]bool)
	var words []mem.Word
	s := &Scenario{Name: "small", Size: 128, Buffer: 2}
	s.Setup = func(x *Explorer) {
		words, _ = mem.View[mem.Word](x.Memory, 0, 8)
		plain, _ := mem.View[mem.Plain](x.Memory, 64, 8)
		body(x, words, plain)
	}
	s.Final = func(*Explorer) {
		if ends != nil {
			seen[ends(words)] = true
		}
	}
	return s, seen
}

func outcomes(seen map[string]bool) string {
	var all []string
	for s := range seen {
		all = append(all, s)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// all explores everything, and says what has been seen and what went wrong.
func all(t *testing.T, s *Scenario) Result {
	t.Helper()
	r := New(s).Search(Bounds{Budget: -1, Depth: 200})
	if !r.Complete && r.Violation == nil {
		t.Fatal("the search is not complete")
	}
	return r
}

// TestInterleavingsOfKnownPrograms: what two CPUs may see is known for these.
func TestInterleavingsOfKnownPrograms(t *testing.T) {
	type program func(x *Explorer, w []mem.Word, out *[2]uint64)
	two := func(x *Explorer, a, b func()) {
		x.Go("a", func(*Actor) { a() })
		x.Go("b", func(*Actor) { b() })
	}
	storeThenLoad := func(store func(*mem.Word)) program {
		return func(x *Explorer, w []mem.Word, out *[2]uint64) {
			two(x, func() { store(&w[0]); out[0] = w[1].Load() }, func() { store(&w[1]); out[1] = w[0].Load() })
		}
	}
	release := func(w *mem.Word) { w.StoreRelease(1) }
	full := func(w *mem.Word) { w.Store(1) }
	fenced := func(w *mem.Word) {
		w.StoreRelease(1)
		new(mem.Fence).StoreLoad()
	}
	asymmetric := func(all bool) program { // one of the two has the barriers of both
		return func(x *Explorer, w []mem.Word, out *[2]uint64) {
			two(x, func() { release(&w[0]); out[0] = w[1].Load() }, func() {
				w[1].Store(1)
				if all {
					mem.HookFence(true)
				}
				out[1] = w[0].Load()
			})
		}
	}
	message := func(x *Explorer, w []mem.Word, out *[2]uint64) {
		two(x, func() { w[0].StoreRelease(1); w[1].StoreRelease(1) }, func() { out[0] = w[1].Load(); out[1] = w[0].Load() })
	}
	loads := func(x *Explorer, w []mem.Word, out *[2]uint64) {
		two(x, func() { out[0] = w[0].Load(); w[1].StoreRelease(1) }, func() { out[1] = w[1].Load(); w[0].StoreRelease(1) })
	}
	own := func(x *Explorer, w []mem.Word, out *[2]uint64) {
		two(x, func() { w[0].StoreRelease(1); out[0] = w[0].Load() }, func() { out[1] = w[0].Load() })
	}
	add := func(x *Explorer, w []mem.Word, out *[2]uint64) {
		two(x, func() { out[0] = w[0].Add(1) }, func() { out[1] = w[0].Add(1) })
	}
	for _, c := range []struct {
		name    string
		tso     bool
		program program
		want    string
	}{
		{"store buffering, in order", false, storeThenLoad(release), "01 10 11"},
		{"store buffering", true, storeThenLoad(release), "00 01 10 11"},
		{"store buffering with barriers", true, storeThenLoad(full), "01 10 11"},
		{"store buffering with fences", true, storeThenLoad(fenced), "01 10 11"},
		{"store buffering with one barrier", true, asymmetric(false), "00 01 10 11"},
		{"store buffering with one barrier, and barriers for all", true, asymmetric(true), "01 10 11"},
		{"message passing", true, message, "00 01 11"},
		{"load buffering", true, loads, "00 01 10"},
		{"own stores first", true, own, "10 11"},
		{"additions", true, add, "12 21"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out [2]uint64
			s, seen := small(func(x *Explorer, w []mem.Word, _ []mem.Plain) {
				out = [2]uint64{}
				c.program(x, w, &out)
			}, func([]mem.Word) string { return fmt.Sprintf("%d%d", out[0], out[1]) })
			s.TSO = c.tso
			all(t, s)
			if got := outcomes(seen); got != c.want {
				t.Errorf("seen %s, want %s", got, c.want)
			}
		})
	}
}

// TestInterleavingsOfBarriersForAll: they come to one actor earlier than to another. So a is past its own when it stores, which c sees from what it
// has loaded, and b is not yet when c looks; d, whose barriers they are, sees what b has stored, and not what a has.
func TestInterleavingsOfBarriersForAll(t *testing.T) {
	var a, b, c, d [2]uint64
	s, seen := small(func(x *Explorer, w []mem.Word, _ []mem.Plain) {
		a, b, c, d = [2]uint64{}, [2]uint64{}, [2]uint64{}, [2]uint64{}
		x.Go("a", func(*Actor) { w[0].StoreRelease(1); a[0] = w[1].Load() })
		x.Go("b", func(*Actor) { w[2].StoreRelease(1); b[0] = w[3].Load() })
		x.Go("c", func(*Actor) { w[1].Store(1); c[0] = w[2].Load() })
		x.Go("d", func(*Actor) {
			w[3].Store(1)
			mem.HookFence(true)
			d = [2]uint64{w[0].Load(), w[2].Load()}
		})
	}, func([]mem.Word) string { return fmt.Sprint(a[0], b[0], c[0], d) })
	s.TSO = true
	all(t, s)
	if want := "0 0 0 [0 1]"; !seen[want] {
		t.Errorf("%s was not seen", want)
	}
	for got := range seen {
		if strings.HasPrefix(got[2:], "0") && strings.HasSuffix(got, " 0]") {
			t.Errorf("%s: b has stored before the barriers began, and d does not see it", got)
		}
	}
}

// TestInterleavingsFindWhatIsWrong: each of these goes wrong in some order only.
func TestInterleavingsFindWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		want  string
		crash int
		body  func(x *Explorer, w []mem.Word, p []mem.Plain)
	}{
		"a lost update": {"lost", 0, func(x *Explorer, w []mem.Word, _ []mem.Plain) {
			for range 2 {
				x.Go("adder", func(*Actor) {
					w[0].Store(w[0].Load() + 1)
					if w[1].Add(1) == 2 && w[0].Load() != 2 {
						x.Fail("lost")
					}
				})
			}
		}},
		"a race": {"data race", 0, func(x *Explorer, w []mem.Word, p []mem.Plain) {
			x.Go("writer", func(*Actor) { w[0].Store(1); p[0].Set(1) })
			x.Go("reader", func(*Actor) {
				if w[0].Load() == 1 {
					p[0].Get()
				}
			})
		}},
		"a deadlock": {"stuck", 0, func(x *Explorer, w []mem.Word, _ []mem.Plain) {
			lock := func(a *Actor, l *mem.Word) {
				for !l.CompareAndSwap(0, 1) {
					a.Await(false, func() uint64 { return 1 - l.Load() })
				}
			}
			for i := range 2 {
				x.Go("locker", func(a *Actor) {
					lock(a, &w[i])
					lock(a, &w[1-i])
					w[0].Store(0)
					w[1].Store(0)
				})
			}
		}},
		"an owner that dies": {"stuck", 1, func(x *Explorer, w []mem.Word, _ []mem.Plain) {
			x.Go("owner", func(*Actor) { w[0].Store(1); w[0].Store(0) }).Mortal = true
			x.Go("other", func(a *Actor) { a.Await(false, func() uint64 { return 1 - w[0].Load() }) })
		}},
		"no end": {"does not get on", 0, func(x *Explorer, w []mem.Word, _ []mem.Plain) {
			for i := range 2 {
				x.Go("polite", func(*Actor) {
					for n := uint64(1); w[1-i].Load() < n; n++ {
						w[i].Store(n)
					}
				})
			}
		}},
		"a panic": {"panics", 0, func(x *Explorer, w []mem.Word, _ []mem.Plain) {
			x.Go("a", func(*Actor) { w[0].Store(1) })
			x.Go("b", func(*Actor) { _ = []int{0}[w[0].Load()] })
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := small(c.body, nil)
			s.Crashes = c.crash
			r := all(t, s)
			if r.Violation == nil || !strings.Contains(r.Violation.Error(), c.want) {
				t.Fatalf("found %v, want %q", r.Violation, c.want)
			}
			if len(r.Violation.Schedule) == 0 {
				t.Error("no schedule")
			}
		})
	}
}

// TestInterleavingsSeeEveryOrder: of two actors of n steps each, all orders, told apart by what they leave behind.
func TestInterleavingsSeeEveryOrder(t *testing.T) {
	for n, want := range map[int]int{1: 2, 2: 6, 3: 20, 4: 70} {
		s, seen := small(func(x *Explorer, w []mem.Word, _ []mem.Plain) {
			for i := range 2 {
				x.Go("a", func(*Actor) {
					for range n {
						for v := w[0].Load(); !w[0].CompareAndSwap(v, 3*v+1+uint64(i)); v = w[0].Load() {
						}
					}
				})
			}
		}, func(w []mem.Word) string { return fmt.Sprint(w[0].Load()) })
		all(t, s)
		if len(seen) != want {
			t.Errorf("%d steps each: %d orders seen, want %d", n, len(seen), want)
		}
	}
}
