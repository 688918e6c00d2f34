package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shmbus/bus"
)

func openDoctorBus(t *testing.T, dir string, o ...bus.Option) *bus.Bus {
	t.Helper()
	b, err := bus.Open(dir, o...)
	noFault(t, err)
	t.Cleanup(func() { b.Close() })
	return b
}

// leaveTheDead kills three processes that hold something, one on each topic.
func leaveTheDead(t *testing.T, dir string) {
	t.Helper()
	var all []*gripping
	for _, h := range [][2]string{{"claim", "claims"}, {"gate", "gates"}, {"hand", "jobs"}} {
		all = append(all, startGrip(t, dir, nil, h[0], h[1]))
	}
	for _, h := range all {
		h.kill()
	}
}

// A livingPair is a publisher and a subscriber that live on, and miss nothing.
type livingPair struct {
	p    *bus.Publisher
	s    *bus.Subscriber
	next int
}

func newLivingPair(t *testing.T, b *bus.Bus) *livingPair {
	t.Helper()
	p, err := b.Publisher("live", bus.WithTopic(gripLossless))
	noFault(t, err)
	s, err := b.Subscribe(context.Background(), "live", bus.Lossless())
	noFault(t, err)
	return &livingPair{p: p, s: s}
}

// one sends a frame and receives it.
func (l *livingPair) one() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	want := fmt.Sprint(l.next)
	if err := l.p.Publish(ctx, []byte(want)); err != nil {
		return err
	}
	f, err := l.s.Receive(ctx)
	if err != nil {
		return err
	}
	got := string(f.Bytes())
	f.Release()
	if got != want {
		return fmt.Errorf("received %q, want %q", got, want)
	}
	l.next++
	_, err = l.s.TryReceive() // there is none, and it stores the cursor
	return err
}

func TestDoctorFixTakesBackWhatTheDeadHeld(t *testing.T) {
	dir := doctorDir(t)
	b := openDoctorBus(t, dir)
	live := newLivingPair(t, b)
	noFault(t, live.one())
	leaveTheDead(t, dir)
	dead := []string{"dead dead claims", "dead dead gates", "dead dead-frame jobs", "holds behind jobs"}
	before := busHash(t, dir)
	all := diagnose(t, exitOK, dir)
	switch f := findCheck(t, all, "dead-frame"); {
	case !strings.Contains(f.Text, "member 1 of group w"), f.Pid == 0:
		t.Errorf("the frame in hand is told of as %+v", f)
	}
	if got := strings.Split(strings.TrimSpace(checkList(all)), "\n"); !strings.Contains(strings.Join(got, ","), strings.Join(dead[:3], ",")) {
		t.Fatalf("the doctor found %q", got)
	}
	plan, said := buscatEnds(t, exitOK, dir, "doctor", "--fix", "--dry-run")
	if strings.Count(plan, "would take back: ") != 2 || !strings.Contains(plan, "would take back: claims: publisher 1 is dead") ||
		!strings.Contains(plan, "would take back: gates: subscription 1 is dead") || !strings.Contains(said, "nothing was changed") {
		t.Fatalf("the plan is\n%s%s", plan, said)
	}
	if after := busHash(t, dir); after != before {
		t.Fatalf("looking has changed\n%sto\n%s", before, after)
	}

	end, failed := make(chan bool), make(chan error)
	go func() {
		for n := 0; ; n++ {
			if err := live.one(); err != nil {
				failed <- err
				return
			}
			select {
			case <-end:
				failed <- nil
				return
			default:
			}
		}
	}()
	did, said := buscatEnds(t, exitOK, dir, "doctor", "--fix")
	close(end)
	noFault(t, <-failed)
	if strings.Count(did, "taken back: ") != 2 || said != "" {
		t.Fatalf("--fix says\n%s%s", did, said)
	}
	before = busHash(t, dir)
	if did, said = buscatEnds(t, exitOK, dir, "doctor", "--fix"); did != "" || !strings.Contains(said, "the dead have left nothing") {
		t.Fatalf("a second --fix says\n%s%s", did, said)
	}
	if after := busHash(t, dir); after != before {
		t.Fatalf("a second --fix has changed\n%sto\n%s", before, after)
	}
	noFault(t, live.one())

	// The gate bars nobody any more, and the frame in hand was kept for the next member.
	p, err := b.Publisher("gates")
	noFault(t, err)
	for i := range 100 {
		noFault(t, p.TryPublish(fmt.Append(nil, i)))
	}
	m, err := b.Subscribe(context.Background(), "jobs", bus.Group("w"))
	noFault(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	f, err := m.Receive(ctx)
	noFault(t, err)
	if f.Attempt() != 2 {
		t.Errorf("the kept frame comes with attempt %d", f.Attempt())
	}
	f.Release()
}

// Files of processes that ended while they made or removed something, and of nobody.
func TestDoctorFixRemovesLeftoverFilesOnly(t *testing.T) {
	dir := doctorDir(t)
	b := openDoctorBus(t, dir)
	live := newLivingPair(t, b)
	noFault(t, live.one())
	// A removal that was begun: the header says so, and the files are there.
	dead := openDoctorBus(t, dir, bus.WithSegment("gone"))
	noFault(t, dead.CreateTopic("of/gone", gripLossless))
	noFault(t, dead.Close())
	patch(t, filepath.Join(dir, "gone.seg"), 128, []byte{2, 0, 0, 0, 0, 0, 0, 0})
	for _, name := range []string{".other.seg.new", ".other.lease.new", "half.lease", "half.bell", "notes.txt"} {
		noFault(t, os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600))
	}
	wantChecks(t, diagnose(t, exitOK, dir), "warning foreign-file", "dead leftover", "dead leftover", "dead leftover", "dead leftover", "dead leftover")
	out, _ := buscatEnds(t, exitOK, dir, "doctor", "--fix", "--json")
	for _, f := range decodeFindings(t, out) {
		if f.Fixed == nil || !*f.Fixed {
			t.Errorf("not fixed: %+v", f)
		}
	}
	entries, err := os.ReadDir(dir)
	noFault(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if got := strings.Join(names, " "); got != "bus.lock main.bell main.lease main.seg notes.txt" {
		t.Errorf("left are %s", got)
	}
	wantChecks(t, diagnose(t, exitOK, dir), "warning foreign-file")
	noFault(t, live.one())
}

func TestDoctorFixFreesWhatIsDeserted(t *testing.T) {
	dir := doctorDir(t)
	startGrip(t, dir, nil, "ephemeral", "brief").kill()
	before := busHash(t, dir)
	wantChecks(t, diagnose(t, exitOK, dir), "dead dead brief", "dead deserted brief")
	buscatEnds(t, exitOK, dir, "doctor", "--fix", "--dry-run")
	buscatEnds(t, exitOK, dir, "prune")
	if after := busHash(t, dir); after != before {
		t.Fatalf("looking has changed\n%sto\n%s", before, after)
	}
	did, _ := buscatEnds(t, exitOK, dir, "doctor", "--fix")
	if !strings.Contains(did, "taken back: brief: the topic is ephemeral") {
		t.Errorf("--fix says %s", did)
	}
	wantChecks(t, diagnose(t, exitOK, dir))
	if out, _ := buscatEnds(t, exitOK, dir, "ls"); out != "" {
		t.Errorf("there are still topics: %s", out)
	}
}

// What needs the directory's lock waits for whoever has it.
func TestDoctorFixWaitsForTheDirectorysLock(t *testing.T) {
	dir := doctorDir(t)
	startGrip(t, dir, nil, "ephemeral", "brief").kill()
	lock := startGrip(t, dir, nil, "lock", "-")
	p := command(t, dir, "doctor", "--fix")
	p.start()
	p.says(fmt.Sprintf("process %d has the directory's lock", lock.Process.Pid))
	lock.kill()
	p.ends(exitOK)
	wantChecks(t, diagnose(t, exitOK, dir))
}

// Whenever --fix is killed, another one does the rest.
func TestDoctorFixMayBeKilledAtAnyTime(t *testing.T) {
	rounds := 8
	if long {
		rounds = 100
	}
	dir := doctorDir(t)
	b := openDoctorBus(t, dir)
	live := newLivingPair(t, b)
	for range rounds {
		leaveTheDead(t, dir)
		startGrip(t, dir, nil, "ephemeral", "brief").kill()
		noFault(t, os.WriteFile(filepath.Join(dir, "half.lease"), nil, 0o600))
		c := exec.Command("buscat", "--bus", dir, "doctor", "--fix")
		noFault(t, c.Start())
		time.Sleep(rand.N(30 * time.Millisecond)) // not synchronisation: it is killed somewhere
		_ = c.Process.Kill()
		_ = c.Wait()
		noFault(t, live.one())
		buscatEnds(t, exitOK, dir, "doctor", "--fix")
		for _, f := range diagnose(t, exitOK, dir) {
			if f.Grade == "dead" && f.Check != "dead-frame" {
				t.Fatalf("left is %+v", f)
			}
		}
		noFault(t, live.one())
		buscatEnds(t, exitOK, dir, "rm", "claims", "gates", "jobs")
	}
}

// patch writes bytes into a file.
func patch(t *testing.T, path string, at int64, b []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	noFault(t, err)
	_, err = f.WriteAt(b, at)
	noFault(t, err)
	noFault(t, f.Close())
}
