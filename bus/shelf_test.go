package bus

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"shmbus/topics"
)

// A plain list is what a shelf is compared with: the oldest frame that is read and not released is what keeps publishers from its memory.
func TestAShelfKnowsItsOldestFrame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &Subscriber{config: subscribeConfig{mode: topics.Gate}}
		h := &s.shelf
		var ahead, given []*Frame
		for position := range uint64(rapid.IntRange(1, 200).Draw(t, "steps")) {
			switch rapid.IntRange(0, 5).Draw(t, "step") {
			case 0, 1:
				if len(ahead) > 0 {
					continue
				}
				room := h.room(s, rapid.IntRange(1, 8).Draw(t, "most"))
				room = room[:rapid.IntRange(0, len(room)).Draw(t, "read")]
				for i, f := range room {
					if f.Held {
						t.Fatal("a frame that is held is used again")
					}
					f.Position, f.Held = 8*position+uint64(i), true
					ahead = append(ahead, h.circle[(h.next+uint(i))&uint(len(h.circle)-1)])
					if &ahead[len(ahead)-1].info != f {
						t.Fatal("not the frame that comes next")
					}
				}
				h.filled(len(room))
			case 2, 3:
				f := h.hand()
				if len(ahead) == 0 {
					if f != nil {
						t.Fatal("a frame that was not read")
					}
					continue
				}
				if f != ahead[0] {
					t.Fatal("not the next frame")
				}
				given, ahead = append(given, f), ahead[1:]
			default: // released in any order, mostly the oldest first
				if len(given) > 0 {
					i := max(0, rapid.IntRange(-8, len(given)-1).Draw(t, "which"))
					given[i].info.Held = false
					h.kept--
					given = slices.Delete(given, i, i+1)
				}
			}
			if rapid.IntRange(0, 9).Draw(t, "look") > 0 {
				continue // it is asked now and then only
			}
			var want *Frame
			if all := append(slices.Clone(given), ahead...); len(all) > 0 {
				want = all[0]
			}
			if got := h.oldest(); got != want {
				t.Fatalf("the oldest frame: %v, want %v", got, want)
			}
			if h.ahead() != len(ahead) {
				t.Fatalf("%d frames ahead, want %d", h.ahead(), len(ahead))
			}
		}
	})
}
