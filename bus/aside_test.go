package bus

import "testing"

// TestAPublisherIsCrowdedWhenItStepsAsideAgainAndAgain: who meets another publisher now and then is not, nor when the clock was set back.
func TestAPublisherIsCrowdedWhenItStepsAsideAgainAndAgain(t *testing.T) {
	p := &Publisher{}
	for i, step := range []struct {
		after int64 // ns since it last stepped aside
		want  bool
	}{
		{asideSoon + 1, false}, {asideSoon, false}, {asideSoon, true}, {1, true}, {asideSoon + 1, false}, {asideSoon + 1, false}, {0, false}, {0, true}, {-1, false},
	} {
		if got := p.crowded(p.asideAt + step.after); got != step.want {
			t.Fatalf("step %d, after %d ns: crowded is %v", i, step.after, got)
		}
		p.asideAt += step.after
	}
}
