package topics

import (
	"testing"

	"pgregory.net/rapid"
)

func TestStampsOfKnownPositions(t *testing.T) {
	for _, c := range []struct{ pos, span, mask, state, want uint64 }{
		{0, 1, 1, committed, 0b1_01},
		{1, 1, 1, aborted, 0b1_10},
		{8, 3, 7, committed, 0b1011_01},
		{13, 2, 7, committed, 0b1010_01},
		{1<<52 - 8, 7, 7, aborted, (1<<52-1)<<2 | 2},
	} {
		if got := makeStamp(c.pos, c.span, c.mask, c.state); got != c.want {
			t.Errorf("stamp of %d+%d is %#b, want %#b", c.pos, c.span, got, c.want)
		}
	}
}

func TestWhatNobodyStampedIsNotResolved(t *testing.T) {
	for _, mask := range []uint64{1, 3, 7, 1<<26 - 1} {
		for _, st := range []uint64{0, 1, 2, 3, 1<<64 - 1, 1 << 63} {
			for _, pos := range []uint64{0, 1, mask, mask + 1, 1<<52 - 1} {
				if span, ok := resolved(st, pos, mask); ok && makeStamp(pos, span, mask, st&3) != st {
					t.Errorf("stamp %#x stands for position %d of a ring with mask %d", st, pos, mask)
				}
			}
		}
	}
}

// A placed frame lies in a ring so that it does not cross the ring's end.
func placed(t *rapid.T) (pos, span, mask uint64) {
	mask = 1<<rapid.Uint64Range(1, 26).Draw(t, "log slots") - 1
	pos = rapid.Uint64Range(0, maxPosition).Draw(t, "position")
	span = rapid.Uint64Range(1, min(mask, mask+1-pos&mask)).Draw(t, "span")
	return pos, span, mask
}

func TestAStampStandsForItsPositionAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pos, span, mask := placed(t)
		state := rapid.SampledFrom([]uint64{committed, aborted, committedRun}).Draw(t, "state")
		st := makeStamp(pos, span, mask, state)
		if state == committedRun && pos%32+span > 32 {
			if _, ok := resolved(st, pos, mask); ok {
				t.Fatalf("stamp %#x of %d+%d is said to be a run", st, pos, span)
			}
			return
		}
		if got, ok := resolved(st, pos, mask); !ok || got != span || st&3 != state {
			t.Fatalf("stamp %#x of %d+%d: span %d, %v", st, pos, span, got, ok)
		}
		// Other laps of the same slot, near and far.
		lap := rapid.Uint64Range(0, maxPosition/(mask+1)).Draw(t, "lap")
		for _, other := range []uint64{pos + mask + 1, pos - mask - 1, lap*(mask+1) + pos&mask} {
			if other == pos || other > tombstone {
				continue
			}
			if _, ok := resolved(st, other, mask); ok {
				t.Fatalf("stamp %#x of %d+%d stands for %d too", st, pos, span, other)
			}
		}
	})
}

func TestStampsNeverRepeatInASlot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mask := uint64(1)<<rapid.IntRange(1, 4).Draw(t, "log slots") - 1
		slot := rapid.Uint64Range(0, mask).Draw(t, "slot")
		first := rapid.Uint64Range(0, maxPosition/(mask+1)-64).Draw(t, "lap")
		seen := map[uint64]uint64{0: tombstone}
		for lap := first; lap < first+64; lap++ {
			pos := lap*(mask+1) + slot
			for span := uint64(1); span <= min(mask, mask+1-slot); span++ {
				for _, state := range []uint64{committed, aborted, committedRun} {
					st := makeStamp(pos, span, mask, state)
					if at, ok := seen[st]; ok {
						t.Fatalf("stamp %#x of %d was %d's", st, pos, at)
					}
					seen[st] = pos
				}
			}
		}
	})
}

func TestAnyWordResolvesToAPossibleSpanOrNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mask := uint64(1)<<rapid.Uint64Range(1, 26).Draw(t, "log slots") - 1
		st, pos := rapid.Uint64().Draw(t, "stamp"), rapid.Uint64Range(0, tombstone).Draw(t, "position")
		if rapid.Bool().Draw(t, "of this lap") {
			st = makeStamp(pos, st&mask, mask, st>>62)
		}
		if span, ok := resolved(st, pos, mask); ok && (span < 1 || pos&mask+span > mask+1) {
			t.Fatalf("stamp %#x covers %d slots from slot %d on, of %d", st, span, pos&mask, mask+1)
		}
	})
}
