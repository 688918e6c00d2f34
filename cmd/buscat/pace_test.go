package main

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"
)

func TestPace(t *testing.T) {
	for _, r := range []rate{0.5, 10, 1000, 50000} {
		synctest.Test(t, func(t *testing.T) {
			p, start, n := newPacer(r), time.Now(), 0
			for time.Since(start) < 4*time.Second {
				k, err := p.wait(context.Background(), 1000)
				if err != nil {
					t.Fatal(err)
				}
				n += k
			}
			want := float64(r) * time.Since(start).Seconds()
			if got := float64(n); got < want*0.99-1 || got > want*1.01+2+float64(r)*catchUp.Seconds() {
				t.Errorf("%v/s: %v frames in %v, want %v", r, n, time.Since(start), want)
			}
		})
	}
}

func TestASecondFrameAtTheLowestRateNeverComes(t *testing.T) {
	for _, r := range []rate{1e-10, 1e-300, math.SmallestNonzeroFloat64} {
		synctest.Test(t, func(t *testing.T) {
			p := newPacer(r)
			ctx, cancel := context.WithTimeout(t.Context(), 365*24*time.Hour) // of the test's own clock
			defer cancel()
			if n, err := p.wait(ctx, 10); n != 1 || err != nil {
				t.Errorf("%v/s: %d frames at once, %v", r, n, err)
			}
			if n, err := p.wait(ctx, 10); n != 0 || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v/s: %d frames within a year, %v", r, n, err)
			}
		})
	}
}

func TestPaceDoesNotMakeUpForASlowInput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPacer(100)
		for range 10 {
			time.Sleep(time.Second) // not synchronisation: of the test's own clock
			start, n := time.Now(), 0
			for n < 10 {
				k, err := p.wait(context.Background(), 10-n)
				if err != nil {
					t.Fatal(err)
				}
				n += k
			}
			if d := time.Since(start); d < 70*time.Millisecond {
				t.Fatalf("10 frames at 100/s took %v", d)
			}
		}
	})
}

func TestRateFlag(t *testing.T) {
	for s, want := range map[string]rate{"10": 10, "0.5": 0.5, "100/s": 100, "1e3": 1000} {
		var r rate
		if err := r.Set(s); err != nil || r != want {
			t.Errorf("%q: %v, %v", s, r, err)
		}
	}
	for _, s := range []string{"", "0", "-1", "NaN", "Inf", "fast", "10/m"} {
		var r rate
		if err := r.Set(s); err == nil {
			t.Errorf("%q is %v", s, r)
		}
	}
}
