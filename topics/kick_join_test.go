package topics

import (
	"errors"
	"testing"
)

// A kick that comes while a gate walks to where it starts is a kick: it says that it ended the subscription.
func TestAKickWhileAGateJoinsIsNotLost(t *testing.T) {
	if raceEnabled {
		t.Skip("it takes long")
	}
	w, r, free, err := memories()[0].rings(t.TempDir(), Geometry{Slots: 1 << 12, Policy: PolicyLossless})
	if err != nil {
		t.Fatal(err)
	}
	defer free()
	pub := mustWriter(t, w, 1)
	for range 1 << 12 {
		if err := put(pub, nil, 0); err != nil {
			t.Fatal(err)
		}
	}
	for id := range uint64(often(200, 5000)) {
		kicked := make(chan struct{})
		go func() {
			for !w.Kick(id + 1) {
			}
			close(kicked)
		}()
		rd, err := r.NewReader(Gate, Last(1<<11), 1)
		if err == nil {
			<-kicked
			if err = rd.Stuck(); err != nil && !errors.Is(err, ErrEmpty) && !errors.Is(err, ErrKicked) {
				t.Fatal(err)
			}
			rd.Close()
		}
		if !errors.Is(err, ErrKicked) {
			t.Fatalf("subscription %d was kicked while it joined: %v", id+1, err)
		}
	}
}
