package topics

import "testing"

// TestARemovalThatWasInterruptedIsFinished: who began it was killed between the tombstone and the look for a sole publisher. Whoever removes the
// topic once more looks, so that its memory is given back though that publisher says nothing more.
func TestARemovalThatWasInterruptedIsFinished(t *testing.T) {
	r := heapRing(t, Geometry{Slots: 16, Exclusive: true, Subscriptions: 1})
	mustWriter(t, r, living)
	head := &r.control.head
	hw := head.Load()
	head.CompareAndSwap(hw, hw|tombstone)
	if r.Unused() {
		t.Fatal("a sole publisher may be amid a claim, and the topic is unused")
	}
	if r.Remove() {
		t.Error("it was removed twice")
	}
	if !r.Unused() {
		t.Error("the topic is still in use")
	}
}
