package topics

import "testing"

func TestCountsAreAsManyAsAreListed(t *testing.T) {
	const one, two = 1<<16 | 1, 1<<16 | 2
	for _, lossless := range []bool{false, true} {
		g := Geometry{Slots: 16, Publishers: 4, Subscriptions: 8}
		if lossless {
			g.Policy = PolicyLossless
		}
		r := heapRing(t, g)
		same := func() {
			t.Helper()
			pubs, subs := r.Counts()
			if w, s := len(r.Writers()), len(r.Gates()); pubs != w || subs != s {
				t.Errorf("%d publishers and %d subscriptions are counted, %d and %d listed", pubs, subs, w, s)
			}
		}
		same()
		mustWriter(t, r, one)
		w := mustWriter(t, r, two)
		mustReader(t, r, Lossy, Newest(), one)
		same()
		if lossless {
			mustReader(t, r, Gate, Newest(), two)
			if _, err := r.NewMember("g", Newest(), two); err != nil { // the group has a line, too
				t.Fatal(err)
			}
		}
		same()
		r.FinishWriter(w.Line(), two)
		same()
		if pubs, subs := r.Counts(); pubs != 1 || subs < 1 {
			t.Errorf("%d publishers, %d subscriptions", pubs, subs)
		}
	}
}
