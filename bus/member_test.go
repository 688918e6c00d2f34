package bus

import (
	"testing"

	"shmbus/topics"
)

// TestADeadMemberWithoutAFrameHoldsNobodyUp: it has none that another one could get. There it is for a moment only, until it is reaped.
func TestADeadMemberWithoutAFrameHoldsNobodyUp(t *testing.T) {
	for holds, want := range map[bool]string{
		true:  "it is dead or has left: start another member, and that gets its frame",
		false: "it is dead or has left, without a frame in hand: it holds nobody up",
	} {
		if got := new(port).todoMember(topics.GateInfo{Mode: topics.Member, Abandoned: true, Holds: holds}); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
