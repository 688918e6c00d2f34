package exec

import (
	"testing"
	"time"

	"shmbus/plugins"
)

func TestPausesGrowAndEndGrowing(t *testing.T) {
	p := policy{Restart: plugins.Restart{
		Policy: "on-failure", Tries: -1, First: plugins.Duration(time.Second), Most: plugins.Duration(10 * time.Second), Steady: plugins.Duration(time.Minute),
	}}
	for i, want := range []time.Duration{1, 2, 4, 8, 10, 10, 10} {
		what, pause := p.after(outcome{problem: "x"})
		low, high := want*time.Second*8/10, min(want*time.Second*12/10, 10*time.Second)
		if what != again || pause < low || pause > high || p.tries != i+1 {
			t.Errorf("pause %d is %v, want %v to %v; %d tries", i, pause, low, high, p.tries)
		}
	}
	if _, pause := p.after(outcome{problem: "x", well: time.Minute}); pause > 1200*time.Millisecond || p.tries != 1 {
		t.Errorf("after a steady run: %v, %d tries", pause, p.tries)
	}
}

func TestPausesDifferFromEachOther(t *testing.T) {
	all := make(map[time.Duration]bool)
	for range 100 {
		p := policy{Restart: plugins.Restart{Policy: "always", First: plugins.Duration(time.Second), Most: plugins.Duration(time.Minute)}, short: 1}
		all[p.pause()] = true
	}
	if len(all) < 50 {
		t.Errorf("%d different pauses of 100", len(all))
	}
}

func TestWhatComesAfterAPluginsEnd(t *testing.T) {
	for _, c := range []struct {
		policy string
		tries  int
		ends   []string // problems
		want   verdict
	}{
		{"on-failure", 3, []string{""}, finished},
		{"on-failure", 3, []string{"x", "x"}, again},
		{"on-failure", 3, []string{"x", "x", "x"}, givenUp},
		{"on-failure", 3, []string{"x", ""}, finished},
		{"always", 3, []string{"", "", "", "", ""}, again},
		{"always", 3, []string{"x", "x", "", "x", "x"}, again},
		{"always", 3, []string{"x", "x", "x"}, givenUp},
		{"never", 3, []string{"x"}, givenUp},
		{"never", 3, []string{""}, finished},
	} {
		p := policy{Restart: plugins.Restart{Policy: c.policy, Tries: c.tries, First: 1, Most: 1, Steady: plugins.DefaultSteady}}
		var got verdict
		for _, e := range c.ends {
			got, _ = p.after(outcome{problem: e})
		}
		if got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
