//go:build !race

package bus

import (
	"errors"
	"os"
	"testing"

	"shmbus/internal/testproc"
	"shmbus/segment"
	"shmbus/topics"
)

// TestASegmentThatIsCutShortAmidALook: whoever goes through the segments gets an error for this one, and the topics of the others.
func TestASegmentThatIsCutShortAmidALook(t *testing.T) {
	if len(testproc.Runner()) > 0 {
		t.Skip("an emulator does not say where a memory fault was")
	}
	dir := testproc.MemoryDir(t)
	b, err := Open(dir, WithSegment("a"))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	other, err := Open(dir, WithSegment("b"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := errors.Join(b.CreateTopic("t", TopicOptions{}), other.CreateTopic("u", TopicOptions{})); err != nil {
		t.Fatal(err)
	}
	var seen []topics.Entry
	b.mu.Lock()
	err = b.eachSegment("look", segment.ReadOnly, func(at *attachment) error {
		if at.seg.Name() == "a" {
			if err := os.Truncate(at.seg.Path(), 0); err != nil {
				t.Fatal(err)
			}
		}
		all, err := at.table.All()
		seen = append(seen, all...)
		return err
	}, nil)
	b.mu.Unlock()
	if !errors.Is(err, ErrCorrupt) {
		t.Errorf("got error %v, want one that is %q", err, ErrCorrupt)
	}
	if len(seen) != 1 || seen[0].Name != "u" {
		t.Errorf("saw %v of the segment that is whole", seen)
	}
}
