package bus_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/internal/testproc"
	"shmbus/segment"
)

// Looking at a bus again and again.

func init() { helpers["survey"] = surveyOften }

func TestASurveyIsWhatTheOthersTell(t *testing.T) {
	dir := newDir(t)
	b := openAt(t, dir)
	other := openAt(t, dir, bus.WithSegment("other"))
	publish(t, publisher(t, b, "a"), "1", "2")
	publisher(t, other, "b")
	s := subscribe(t, openAt(t, dir), "b")
	noError(t, other.CreateTopic("c", bus.TopicOptions{}))
	for range 2 { // the second time all is open
		v, err := b.Survey()
		noError(t, err)
		topics, err := b.Topics()
		noError(t, err)
		people, err := b.Participants()
		noError(t, err)
		if !reflect.DeepEqual(v.Topics, topics) || len(topics) != 3 || topics[0].Frames != 2 || topics[1].Publishers != 1 || topics[1].Subscribers != 1 {
			t.Errorf("topics are %+v and %+v", v.Topics, topics)
		}
		if !reflect.DeepEqual(v.Participants, people) || len(people) != 3 || !people[0].Here() || people[0].Pid != os.Getpid() {
			t.Errorf("participants are %+v and %+v", v.Participants, people)
		}
		if len(v.Segments) != 2 || v.Segments[0].Name != "main" || v.Segments[1].Memory < 1<<20 {
			t.Errorf("segments are %+v", v.Segments)
		}
		some, err := b.Stats("b", "no such topic", "a")
		noError(t, err)
		for _, st := range some {
			if one, err := b.Stat(st.Name); err != nil || !reflect.DeepEqual(st, one) {
				t.Errorf("one of several is %+v, alone %+v, %v", st, one, err)
			}
		}
		if len(some) != 2 {
			t.Errorf("they are %d", len(some))
		}
	}
	noError(t, s.Close())
	if all, err := b.Stats("b"); err != nil || len(all) != 1 || all[0].Subscribers != 0 {
		t.Errorf("when the subscriber has left: %+v, %v", all, err)
	}
}

// surveyOften looks at a bus Arg(1) times.
func surveyOften(peer *testproc.Peer) error {
	b, err := bus.Open(peer.Arg(0))
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(peer.Arg(1))
	if err != nil {
		return err
	}
	for range n {
		if _, err := b.Survey(); err != nil {
			return err
		}
		if _, err := b.Topics(); err != nil {
			return err
		}
	}
	return b.Close()
}

func TestALookAtAHundredTopicsTakesAsManySystemCallsAsOneAtTwo(t *testing.T) {
	measured(t)
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skipf("system calls cannot be counted: %v", err)
	}
	const looks, most = 100, 40 // calls in a look of each kind
	for _, n := range []int{2, 100} {
		dir := manyTopics(t, n)
		count := func(looks int) int {
			out := filepath.Join(t.TempDir(), "calls")
			p := testproc.StartUnder(t, []string{"strace", "-f", "-c", "-o", out}, "survey", dir, fmt.Sprint(looks))
			p.Wait()
			return totalCalls(t, out)
		}
		if few, many := count(1), count(1+looks); many-few > looks*most {
			t.Errorf("%d topics: %d system calls in %d looks", n, many-few, looks)
		}
	}
}

func TestASegmentThatWasMadeAnewIsSeenAtOnce(t *testing.T) {
	dir := newDir(t)
	b := openAt(t, dir)
	looker := openAt(t, dir)
	for i := range 3 {
		name := fmt.Sprint("t", i)
		p := publisher(t, b, name)
		publish(t, p, "x")
		for range 2 {
			v, err := looker.Survey()
			noError(t, err)
			all, err := looker.Topics()
			noError(t, err)
			for _, all := range [][]bus.TopicInfo{v.Topics, all} {
				if len(all) != 1 || all[0].Name != name || all[0].Frames != 1 {
					t.Fatalf("it sees %+v", all)
				}
			}
		}
		noError(t, p.Close())
		noError(t, segment.Remove(dir, "main"))
	}
	if all, err := looker.Topics(); err != nil || len(all) != 0 {
		t.Errorf("when it is removed: %+v, %v", all, err)
	}
}

func TestATopicThatIsGoneOrMadeAnewIsNotMistakenForTheOneSeenBefore(t *testing.T) {
	dir := newDir(t)
	b, looker := openAt(t, dir), openAt(t, dir)
	for i := range 5 {
		noError(t, b.CreateTopic("t", bus.TopicOptions{Slots: 16 << i}))
		all, err := looker.Topics()
		noError(t, err)
		if len(all) != 1 || all[0].Slots != 16<<i || all[0].Frames != 0 {
			t.Fatalf("it sees %+v", all)
		}
		p := publisher(t, b, "t")
		publish(t, p, "x")
		noError(t, p.Close())
		noError(t, b.RemoveTopic("t"))
		if all, err := looker.Topics(); err != nil || len(all) != 0 {
			t.Fatalf("it sees %+v, %v", all, err)
		}
	}
}

func TestAFileThatWasCutShortSinceTheLastLookIsAnError(t *testing.T) {
	needsTheMachine(t, "qemu-user does not say where a memory fault was")
	for _, gone := range []int64{64 << 10, 1 << 20} { // cells only; all that is looked at
		b, _, path := shrinkable(t)
		looker := openAt(t, b.Dir())
		_, err := looker.Topics()
		noError(t, err)
		_, err = looker.Survey()
		noError(t, err)
		i, err := os.Stat(path)
		noError(t, err)
		noError(t, os.Truncate(path, max(0, i.Size()-gone)))
		_, err = looker.Topics()
		openError(t, "Topics", err)
		_, err = looker.Survey()
		openError(t, "Survey", err)
		_, err = looker.Stats("t")
		openError(t, "Stats", err)
	}
}

func TestWhoOnlyLooksLeavesDesertedSegmentsAndNobodyIsAlarmed(t *testing.T) {
	dir := newDir(t)
	b := openAt(t, dir)
	noError(t, b.CreateTopic("t", bus.TopicOptions{}))
	h := testproc.Start(t, "hold ephemerally", dir, "x", "gone")
	h.Expect("ready")
	h.Kill()
	looker, err := bus.Open(dir)
	noError(t, err)
	look := func() {
		t.Helper()
		_, err := looker.Survey()
		noError(t, err)
		_, err = looker.Participants()
		noError(t, err)
		_, err = looker.Doctor()
		noError(t, err)
	}
	look()
	died := make(chan struct{}, 1)
	stop, err := segment.WatchDeaths(dir, func() {
		select {
		case died <- struct{}{}:
		default:
		}
	})
	noError(t, err)
	defer stop()
	for range 10 {
		look()
	}
	select {
	case <-died:
		t.Error("looks close lease files, and all who are on the bus look who has died")
	case <-time.After(100 * time.Millisecond):
	}
	noError(t, looker.Close())
	if _, err := os.Stat(filepath.Join(dir, "gone.seg")); err != nil {
		t.Errorf("who only looks has removed it: %v", err)
	}
}
