package wake_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"shmbus/internal/mem"
	"shmbus/wake"
	"shmbus/wake/waketest"
)

// A member is a waiter of a set, and what it waits for.
type member struct {
	w    *wake.Waiter
	bell *wake.Bell
	due  mem.Word
	seen uint64
}

func (m *member) ready() bool { return m.due.Load() > m.seen }

func members(t *testing.T, n wake.Notifier, count int) []*member {
	all := make([]*member, count)
	for i := range all {
		m := &member{w: wake.NewWaiter(n, wake.Block), bell: &waketest.Heap().Bell}
		t.Cleanup(m.w.Close)
		all[i] = m
	}
	return all
}

// TestASetWaitsForAllOfItsWaiters: rings come in any order from another goroutine, several for one too, and none is missed.
func TestASetWaitsForAllOfItsWaiters(t *testing.T) {
	each(t, func(t *testing.T, name string, backend func() wake.Notifier) {
		t.Run(name, func(t *testing.T) {
			n := backend()
			const count = 200
			rings := 5000
			if testing.Short() {
				rings = 500
			}
			all := members(t, n, count)
			go func() {
				rnd := rand.New(rand.NewPCG(1, 2))
				for range rings {
					m := all[rnd.IntN(count)]
					m.due.Add(1)
					m.bell.Ring(n)
				}
			}()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			var s wake.Set
			hot := slices.Clone(all)
			for got := 0; got < rings; {
				for _, m := range hot {
					for !s.Arm(m.w, m.bell, m.ready) {
						due := m.due.Load()
						got += int(due - m.seen)
						m.seen = due
					}
				}
				if got == rings {
					break
				}
				woken, err := s.Wait(ctx, 0)
				if err != nil {
					t.Fatalf("%d of %d rings: %v", got, rings, err)
				}
				hot = hot[:0]
				for _, w := range woken {
					hot = append(hot, all[slices.IndexFunc(all, func(m *member) bool { return m.w == w })])
				}
			}
		})
	})
}

func TestAPokeAContextAndALimitEndASetsWait(t *testing.T) {
	each(t, func(t *testing.T, name string, backend func() wake.Notifier) {
		t.Run(name, func(t *testing.T) {
			n := backend()
			all := members(t, n, 3)
			var s wake.Set
			arm := func(which ...int) {
				t.Helper()
				for _, i := range which {
					if !s.Arm(all[i].w, all[i].bell, all[i].ready) {
						t.Fatalf("waiter %d is not armed", i)
					}
				}
			}
			arm(0, 1, 2)
			go all[1].w.Poke()
			polled := !wake.Crowds(n) // then all are looked at again and again
			for woken := []*wake.Waiter(nil); !slices.Contains(woken, all[1].w); {
				var err error
				if woken, err = s.Wait(t.Context(), 0); err != nil {
					t.Fatal(err)
				}
				if polled {
					break
				}
				if len(woken) > 1 || len(woken) == 1 && woken[0] != all[1].w {
					t.Fatalf("%d waiters were woken", len(woken))
				}
			}
			if woken, err := s.Wait(t.Context(), time.Millisecond); err != nil || len(woken) > 0 {
				t.Errorf("a short wait: %d waiters, %v", len(woken), err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			go cancel()
			for {
				if _, err := s.Wait(ctx, 0); errors.Is(err, context.Canceled) {
					break
				} else if err != nil {
					t.Fatal(err)
				}
			}
			s.Disarm(all[0].w)
			all[0].w.Poke()
			if s.Arm(all[0].w, all[0].bell, all[0].ready) {
				t.Error("armed, with a poke pending")
			}
			arm(0)
		})
	})
}

// TestASetThatDoesNotWaitHasWhoWasWoken: Woken or, where nobody wakes, Due returns a waiter whose bell has rung, once.
func TestASetThatDoesNotWaitHasWhoWasWoken(t *testing.T) {
	each(t, func(t *testing.T, name string, backend func() wake.Notifier) {
		t.Run(name, func(t *testing.T) {
			n := backend()
			all := members(t, n, 3)
			var s wake.Set
			if woken := s.Woken(); len(woken) != 0 {
				t.Fatalf("%d were woken of none", len(woken))
			}
			for _, m := range all {
				if !s.Arm(m.w, m.bell, m.ready) {
					t.Fatal("ready without a reason")
				}
			}
			rung := all[1]
			rung.due.Add(1)
			rung.bell.Ring(n)
			end := time.Now().Add(10 * time.Second)
			for {
				woken := slices.Clone(s.Woken())
				polled := len(woken) == 0
				if polled {
					woken = slices.Clone(s.Due(time.Now()))
				}
				if slices.Contains(woken, rung.w) {
					if !polled && len(woken) != 1 {
						t.Errorf("%d were woken", len(woken))
					}
					break
				}
				for _, m := range all { // polled, in vain
					if slices.Contains(woken, m.w) && !s.Arm(m.w, m.bell, m.ready) && m != rung {
						t.Fatal("ready without a reason")
					}
				}
				if time.Now().After(end) {
					t.Fatal("nobody was woken")
				}
			}
			for _, m := range all {
				s.Disarm(m.w)
			}
			if again := len(s.Woken()) + len(s.Due(time.Now())); again != 0 {
				t.Errorf("%d more were woken, of none", again)
			}
		})
	})
}

// TestASetIsPoked: a waiter without a bell is returned when it was poked, before or after it was armed, and for nothing else.
func TestASetIsPoked(t *testing.T) {
	each(t, func(t *testing.T, name string, backend func() wake.Notifier) {
		t.Run(name, func(t *testing.T) {
			w := wake.NewWaiter(backend(), wake.Block)
			defer w.Close()
			var s wake.Set
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			w.Poke()
			if s.ArmPoke(w) {
				t.Fatal("it was armed with a poke pending")
			}
			for range 100 {
				if !s.ArmPoke(w) {
					t.Fatal("it was not armed")
				}
				go w.Poke()
				for {
					woken, err := s.Wait(ctx, 0)
					if err != nil {
						t.Fatal(err)
					}
					if slices.Equal(woken, []*wake.Waiter{w}) {
						break
					}
				}
			}
			if !s.ArmPoke(w) {
				t.Fatal("it was not armed")
			}
			if woken, err := s.Wait(ctx, 5*time.Millisecond); len(woken) > 0 || err != nil {
				t.Fatal(woken, err)
			}
			s.Disarm(w)
			w.Poke()
			if woken, err := s.Wait(ctx, time.Millisecond); len(woken) > 0 || err != nil {
				t.Fatal(woken, err)
			}
		})
	})
}

// TestASetDoesNotHearOfAnEarlierContext: what a waiter waited with alone may end before it is armed, or while it is.
func TestASetDoesNotHearOfAnEarlierContext(t *testing.T) {
	each(t, func(t *testing.T, name string, backend func() wake.Notifier) {
		t.Run(name, func(t *testing.T) {
			n := backend()
			for _, early := range []bool{true, false} {
				m := members(t, n, 1)[0]
				var s wake.Set
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if err := m.w.Wait(ctx, m.bell, m.ready, time.Millisecond); err != nil {
					t.Fatal(err)
				}
				if early {
					cancel()
					for !m.w.Pending() {
						runtime.Gosched()
					}
				}
				if !s.Arm(m.w, m.bell, m.ready) {
					t.Fatal("a context that is over keeps it from being armed")
				}
				if !early {
					cancel()
				}
				quiet := !wake.Crowds(n) // then all are looked at again and again
				for range 3 {            // who was ending the context may still be telling of it, once
					woken, err := s.Wait(t.Context(), 5*time.Millisecond)
					if err != nil {
						t.Fatal(err)
					}
					quiet = quiet || len(woken) == 0
					if len(woken) > 0 && !s.Arm(m.w, m.bell, m.ready) {
						t.Fatal("a context that is over keeps it from being armed again")
					}
				}
				if !quiet {
					t.Fatalf("early: %v: it is woken again and again", early)
				}
				s.Disarm(m.w)
				if !s.ArmPoke(m.w) {
					t.Fatal("a context that is over is a poke")
				}
				s.Disarm(m.w)
			}
		})
	})
}

// TestAPokeWhileASetIsArmedIsNotLost, whether the set is known to who pokes yet or not.
func TestAPokeWhileASetIsArmedIsNotLost(t *testing.T) {
	each(t, func(t *testing.T, name string, backend func() wake.Notifier) {
		t.Run(name, func(t *testing.T) {
			m := members(t, backend(), 1)[0]
			var s wake.Set
			now, done := make(chan bool), make(chan bool)
			defer close(now)
			go func() {
				for range now {
					m.w.Poke()
					done <- true
				}
			}()
			for range 2000 {
				for _, bell := range []*wake.Bell{m.bell, nil} {
					now <- true
					armed := s.Arm(m.w, bell, m.ready)
					<-done
					if armed && !slices.Contains(s.Woken(), m.w) {
						t.Fatal("armed, with a poke that nobody is told of")
					}
					for !s.Arm(m.w, bell, m.ready) { // it was poked after Arm had said no, or before
					}
					m.w.Poke()
					s.Disarm(m.w)
					if s.Arm(m.w, bell, m.ready) {
						t.Fatal("a poke was lost with Disarm")
					}
					s.Woken()
				}
			}
		})
	})
}
