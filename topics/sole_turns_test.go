package topics

import "testing"

// TestThoseWhoPublishByTurnsAreTheSoleOneEachInItsTurn: who is contested by a stream is as patient as before.
func TestThoseWhoPublishByTurnsAreTheSoleOneEachInItsTurn(t *testing.T) {
	needFences(t)
	r := heapRing(t, Geometry{Slots: 64})
	ws := []*Writer{mustWriter(t, r, 1), mustWriter(t, r, 2)}
	for turn := range 8 {
		w := ws[turn%2]
		if n := sendAlone(t, w, 2*firstPatience); n == 0 || n > firstPatience+64 {
			t.Fatalf("turn %d: the sole publisher after %d frames, want %d", turn, n, firstPatience)
		}
	}
}

// TestWhoFindsAStreamsFramesWithinItsOwnRoomIsAsPatientAsBefore: then its next claim looks at no key before.
func TestWhoFindsAStreamsFramesWithinItsOwnRoomIsAsPatientAsBefore(t *testing.T) {
	needFences(t)
	const slots = 8 * firstPatience
	r := heapRing(t, Geometry{Slots: slots})
	w, other := mustWriter(t, r, 1), mustWriter(t, r, 2)
	for turn := range 6 {
		if n := sendAlone(t, w, 4*slots); n == 0 || w.patience != firstPatience {
			t.Fatalf("turn %d: the sole publisher after %d frames (0: never), its patience is %d", turn, n, w.patience)
		}
		sendAlone(t, other, streamOthers)
	}
}

// TestWhoPublishesNowAndThenBesideStreamsSeldomContests: two of them that take turns, or one.
func TestWhoPublishesNowAndThenBesideStreamsSeldomContests(t *testing.T) {
	needFences(t)
	const turn, turns = 6 * firstPatience, 60
	for streams := range 3 {
		r := heapRing(t, Geometry{Slots: 64})
		var ws []*Writer
		for range streams {
			ws = append(ws, mustWriter(t, r, 1))
		}
		rare, contests := mustWriter(t, r, 2), 0
		for i := range turns {
			if streams > 0 {
				sendAlone(t, ws[i%streams], turn)
			}
			if r.control.sole.Load() != 0 {
				contests++
			}
			mustSend(t, rare, "now and then")
			if streams > 0 {
				sendAlone(t, ws[i%streams], 1)
			}
		}
		if want := []int{0, 2, turns / 3}[streams]; contests > want {
			t.Errorf("beside %d streams that take turns: %d contests in %d frames, want %d at most", streams, contests, turns, want)
		}
	}
}

func TestOnlySlotsOfOthersMakeAWriterLessPatient(t *testing.T) {
	needFences(t)
	r := heapRing(t, Geometry{Slots: 1024})
	w, other := mustWriter(t, r, 1), mustWriter(t, r, 2)
	sendAlone(t, w, firstPatience+64)
	mustSend(t, other, "here I am")
	want := func(others uint64, patience uint64) {
		t.Helper()
		if w.others != others || w.patience != patience {
			t.Fatalf("others have claimed %d slots: it counts %d, and its patience is %d, want %d", others, w.others, w.patience, patience)
		}
	}
	mustSend(t, w, "so you are")
	want(1, 4*firstPatience)
	w.patience = mostPatience
	large := make([]byte, 32*r.cell)
	for range manyOthers / 100 { // 128 slots each time
		mustSend(t, w, string(large))
		if _, err := w.Batch([][]byte{large, large, large}, KindRaw, 0); err != nil {
			t.Fatal(err)
		}
	}
	want(1, mostPatience)
	for range 3 {
		mustSend(t, other, "on we go")
	}
	if _, err := w.Batch([][]byte{large, large}, KindRaw, 0); err != nil {
		t.Fatal(err)
	}
	want(4, mostPatience)
	for range 5 {
		mustSend(t, other, "on we go")
	}
	mustSend(t, w, "a word")
	want(9, mostPatience)
	for range manyOthers - 10 {
		mustSend(t, other, "on we go")
	}
	mustSend(t, w, "a word")
	want(manyOthers-1, mostPatience)
	mustSend(t, other, "and on")
	mustSend(t, w, "a word")
	want(0, firstPatience)

	// Once more in vain: what is past counts no more.
	for range 5 {
		mustSend(t, other, "and on")
	}
	sendAlone(t, w, firstPatience+64)
	mustSend(t, other, "here I am again")
	mustSend(t, w, "so you are")
	want(1, 4*firstPatience)
}
