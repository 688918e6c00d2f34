//go:build linux

package bus_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"shmbus/bus"
	"shmbus/internal/testproc"
	"shmbus/segment"
	"shmbus/topics"
)

// tombstone marks a topic removed, as a remover does who then ends.
func tombstone(t *testing.T, dir, name string) {
	t.Helper()
	seg, err := segment.Open(dir, "main", segment.ReadWrite)
	noError(t, err)
	defer seg.Close()
	table, err := topics.OpenTable(seg.Table())
	noError(t, err)
	e, err := table.Find(name)
	noError(t, err)
	m, err := seg.Map(e.Offset, e.Size, e.Size)
	noError(t, err)
	defer m.Close()
	r, err := topics.OpenRing(m.Bytes())
	noError(t, err)
	r.Remove()
}

// told is findings as "check topic", separated by commas.
func told(all []bus.Finding) string {
	var s []string
	for _, f := range all {
		s = append(s, strings.TrimSpace(f.Check+" "+f.Topic))
	}
	return strings.Join(s, ", ")
}

func TestReapTakesBackWhatTheDeadLeftAndNothingElse(t *testing.T) {
	dir := newDir(t)
	b := openAt(t, dir)
	if done, err := b.Reap(); len(done) != 0 || err != nil {
		t.Fatalf("without a directory: %v, %v", done, err)
	}
	live := publisher(t, b, "live", lossless)
	s := subscribe(t, b, "live", bus.Lossless())
	noError(t, b.CreateTopic("half", bus.TopicOptions{}))
	noError(t, b.CreateTopic("t", bus.TopicOptions{}))
	noError(t, b.CreateTopic("idle", bus.TopicOptions{}))
	h := testproc.Start(t, "hold a loan", dir, "100")
	h.Expect("lent")
	tombstone(t, dir, "half")
	h.Kill()

	reaper := openAt(t, dir)
	all, err := reaper.Doctor()
	noError(t, err)
	if got := told(all); got != "half-removed half, dead t" || !all[0].Reapable() || !all[1].Reapable() {
		t.Fatalf("the doctor found %s", got)
	}
	done, err := reaper.Reap()
	noError(t, err)
	if got := told(done); got != "half-removed half, dead t" {
		t.Errorf("taken back was %s", got)
	}
	if done, err := reaper.Reap(); len(done) != 0 || err != nil {
		t.Errorf("a second time: %v, %v", done, err)
	}
	wantFindings(t, b, "")
	names, err := b.Topics()
	noError(t, err)
	got := ""
	for _, n := range names {
		got += n.Name + " "
	}
	if got != "idle live t " {
		t.Errorf("topics are %s", got)
	}
	publish(t, live, "goes on")
	expect(t, s, "goes on")
	// What the dead had begun is given up: who comes now reads on behind it.
	publish(t, publisher(t, b, "t"), "after")
	expect(t, subscribe(t, b, "t", bus.FromOldest()), "after")
	noError(t, reaper.Close())
	if _, err := reaper.Reap(); !errors.Is(err, bus.ErrClosed) {
		t.Errorf("a closed bus says %v", err)
	}
}

// A removal that somebody living is about, who has the directory's lock, is no finding.
func TestARemovalThatIsGoingOnIsLeftAlone(t *testing.T) {
	dir := newDir(t)
	b := openAt(t, dir)
	noError(t, b.CreateTopic("half", bus.TopicOptions{}))
	lock, err := segment.LockDir(soon(t), dir, segment.Options{})
	noError(t, err)
	tombstone(t, dir, "half")
	all, err := b.Doctor()
	noError(t, err)
	if got := told(all); got != "directory-lock" || all[0].Grade != bus.Holds {
		t.Errorf("the doctor found %+v", all)
	}
	noError(t, lock.Unlock())
	all, err = b.Doctor()
	noError(t, err)
	if got := told(all); got != "half-removed half" {
		t.Errorf("when the remover has ended the doctor found %s", got)
	}
}

func TestTheDoctorWarnsWhenATopicTableFillsUp(t *testing.T) {
	b := newBus(t)
	small := bus.TopicOptions{Slots: 2, MaxPublishers: 1, MaxSubscribers: 1}
	for i := range topics.TableEntries * 9 / 10 {
		noError(t, b.CreateTopic(fmt.Sprint(i), small))
	}
	wantFindings(t, b, "")
	noError(t, b.CreateTopic("one more", small))
	all, err := b.Doctor()
	noError(t, err)
	if got := told(all); got != "topics-full" || all[0].Grade != bus.Warning || !strings.Contains(all[0].Text, "922 of 1024") {
		t.Errorf("the doctor found %+v", all)
	}
}

func TestParticipantsAreThoseWhoLive(t *testing.T) {
	dir := newDir(t)
	b := openAt(t, dir)
	publisher(t, b, "t")
	h := testproc.Start(t, "hold a loan", dir, "10")
	h.Expect("lent")
	has := func() (pids []int) {
		all, err := openAt(t, dir).Participants()
		noError(t, err)
		for _, p := range all {
			if p.Segment != "main" || p.Stopped() || p.Since.IsZero() {
				t.Errorf("a participant is told of as %+v", p)
			}
			pids = append(pids, p.Pid)
		}
		return pids
	}
	if pids := has(); len(pids) != 2 || pids[1] != h.Pid() {
		t.Errorf("participants are %v, and one is %d", pids, h.Pid())
	}
	h.Kill()
	if pids := has(); len(pids) != 1 {
		t.Errorf("participants are %v", pids)
	}
}
