package topics

import "testing"

// TestAReaderThatIsLappedAgainAndAgainGoesToTheNewestFrame: at each look the head has passed it, and at the head stands a frame that is not
// finished. After three such laps it goes to the newest frame: not past it, as nothing may come after.
func TestAReaderThatIsLappedAgainAndAgainGoesToTheNewestFrame(t *testing.T) {
	r := heapRing(t, Geometry{Slots: 4})
	slow, quick := mustWriter(t, r, 1), mustWriter(t, r, 2)
	rd := mustReader(t, r, Tap, Newest(), 0)
	var f Frame
	for lap := range 5 { // the first is none: the reader stands there
		mustClaim(t, slow, 1)
		at := slow.pos
		for { // until the claim is the oldest there is
			mustSend(t, quick, "quick")
			if h, _ := r.Head(); h == at && r.Tail() == at+4 {
				break
			}
		}
		b, err := rd.Copy(&f, nil)
		switch newest := r.Tail() - 1; {
		case lap < 4:
			wantErr(t, err, ErrEmpty)
			if rd.Position() != at {
				t.Fatalf("lap %d: at %d, want the head at %d", lap, rd.Position(), at)
			}
		case err != nil || f.Position != newest || string(b) != "quick":
			t.Fatalf("frame %d, %q, %v; want the newest, at %d", f.Position, b, err, newest)
		}
		slow.Commit(1, KindRaw, 0)
	}
	if got, all := rd.Received()+rd.Lost(), slow.number+quick.number; got != all {
		t.Fatalf("%d received or lost, of %d", got, all)
	}
}
