package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"shmbus/bus"
)

func TestDoctorWarnsOfStoppedProcessesAndStuckClaims(t *testing.T) {
	dir := doctorDir(t)
	b := openDoctorBus(t, dir)
	h := startGrip(t, dir, nil, "claim", "t")
	p, err := b.Publisher("t")
	noFault(t, err)
	noFault(t, p.Publish(context.Background(), []byte("behind it")))
	wantChecks(t, diagnose(t, exitOK, dir), "holds claim t")
	f := findCheck(t, diagnose(t, exitOK, dir, "--stuck", "1ns"), "stuck-claim")
	if f.Grade != "warning" || f.Pid != h.Process.Pid || f.Since == nil || time.Since(*f.Since) > time.Minute {
		t.Errorf("the stuck claim is told of as %+v", f)
	}
	h.stop()
	f = findCheck(t, diagnose(t, exitOK, dir), "stopped")
	if !f.Stopped || f.Pid != h.Process.Pid || !strings.Contains(f.Todo, fmt.Sprintf("kill -CONT %d", f.Pid)) {
		t.Errorf("the stopped process is told of as %+v", f)
	}
	// Nothing is taken from the stopped.
	before := busHash(t, dir)
	buscatEnds(t, exitOK, dir, "doctor", "--fix")
	if after := busHash(t, dir); after != before {
		t.Fatalf("--fix has changed\n%sto\n%s", before, after)
	}
	h.signal(syscall.SIGCONT)
	h.ends()
	_ = p.Close()
	_ = b.Close()
	buscatEnds(t, exitOK, dir, "doctor", "--fix")
	wantChecks(t, diagnose(t, exitOK, dir))
}

func TestDoctorWarnsOfSubscriptionsFarBehind(t *testing.T) {
	dir := doctorDir(t)
	h := startGrip(t, dir, nil, "gate", "t")
	f := findCheck(t, diagnose(t, exitOK, dir), "far-behind")
	if f.Grade != "warning" || f.Pid != h.Process.Pid || f.Slots != 8 || !strings.Contains(f.Todo, "buscat kick t 1") {
		t.Errorf("the subscription is told of as %+v", f)
	}
	buscatEnds(t, exitOK, dir, "kick", "t", "1")
	wantChecks(t, diagnose(t, exitOK, dir))
	h = startGrip(t, dir, nil, "hand", "jobs")
	f = findCheck(t, diagnose(t, exitOK, dir), "in-hand")
	if f.Grade != "holds" || f.Pid != h.Process.Pid {
		t.Errorf("the member is told of as %+v", f)
	}
}

func TestDoctorTellsWhoHasTheDirectorysLock(t *testing.T) {
	dir := doctorDir(t)
	buscatEnds(t, exitOK, dir, "create", "t")
	h := startGrip(t, dir, nil, "lock", "-")
	// What is being made is no leftover.
	noFault(t, os.WriteFile(filepath.Join(dir, ".new.seg.new"), nil, 0o600))
	all := diagnose(t, exitOK, dir)
	wantChecks(t, all, "holds directory-lock")
	if all[0].Pid != h.Process.Pid {
		t.Errorf("the lock is told of as %+v", all[0])
	}
	h.stop()
	wantChecks(t, diagnose(t, exitOK, dir), "warning directory-lock")
	h.kill()
	wantChecks(t, diagnose(t, exitOK, dir), "dead leftover")
}

// Damaged and foreign segments, one kind after the other.
func TestDoctorTellsDamagedSegmentsApart(t *testing.T) {
	word := func(v uint64) []byte { return binary.NativeEndian.AppendUint64(nil, v) }
	at := func(off int64, b []byte) func(*testing.T, string) {
		return func(t *testing.T, dir string) { patch(t, filepath.Join(dir, "main.seg"), off, b) }
	}
	for name, c := range map[string]struct {
		damage func(t *testing.T, dir string)
		want   string
	}{
		"version":    {at(8, []byte{99, 0, 0, 0}), "wrong layout-version"},
		"byte order": {at(12, []byte{1, 2, 3, 4}), "wrong byte-order"},
		"page size":  {at(16, word(1<<20)), "wrong page-size"},
		"magic":      {at(0, []byte("something")), "wrong not-segment"},
		"flags":      {at(96, word(1<<40)), "wrong corrupt-segment"},
		"truncated":  {func(t *testing.T, dir string) { noFault(t, os.Truncate(filepath.Join(dir, "main.seg"), 1<<13)) }, "wrong truncated"},
		"table":      {at(int64(os.Getpagesize())+64, []byte("other")), "wrong corrupt-table"},
		"region": {func(t *testing.T, dir string) {
			patch(t, filepath.Join(dir, "main.seg"), firstRegion(t, dir)+192, bytes.Repeat([]byte{0xaa}, 8))
		}, "wrong corrupt-topic t"},
		"tail": {func(t *testing.T, dir string) {
			patch(t, filepath.Join(dir, "main.seg"), firstRegion(t, dir), word(1<<63))
		}, "wrong corrupt-ring t"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := doctorDir(t)
			buscatEnds(t, exitOK, dir, "create", "t")
			c.damage(t, dir)
			before := busHash(t, dir)
			wantChecks(t, diagnose(t, exitError, dir), c.want)
			_, said := buscatEnds(t, exitError, dir, "doctor", "--fix")
			if !strings.Contains(said, "the dead have left nothing") {
				t.Errorf("--fix says %s", said)
			}
			if after := busHash(t, dir); after != before {
				t.Errorf("what is damaged was changed")
			}
		})
	}
}

// What rm has left of a segment is damage to nobody: it is removed.
func TestDoctorFixRemovesASegmentOfWhichAFileIsGone(t *testing.T) {
	for _, gone := range []string{"main.bell", "main.lease"} {
		dir := doctorDir(t)
		buscatEnds(t, exitOK, dir, "create", "t")
		noFault(t, os.Remove(filepath.Join(dir, gone)))
		wantChecks(t, diagnose(t, exitOK, dir), "dead leftover")
		did, _ := buscatEnds(t, exitOK, dir, "doctor", "--fix")
		if !strings.Contains(did, "taken back: (bus): main.seg is left of a segment that was removed") {
			t.Errorf("--fix says %s", did)
		}
		wantChecks(t, diagnose(t, exitOK, dir))
		buscatEnds(t, exitOK, dir, "create", "t")
	}
}

// firstRegion is where the region of the first topic begins, as its entry in the topic table says.
func firstRegion(t *testing.T, dir string) int64 {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "main.seg"))
	noFault(t, err)
	table := binary.NativeEndian.Uint64(b[48:])
	return int64(binary.NativeEndian.Uint64(b[table+16:]))
}

func TestDoctorFindsProcessesThatStillMapRemovedFiles(t *testing.T) {
	dir := doctorDir(t)
	h := startGrip(t, dir, nil, "claim", "t")
	noFault(t, os.RemoveAll(dir))
	all := diagnose(t, exitOK, dir)
	f := findCheck(t, all, "deleted-mapped")
	if f.Pid != h.Process.Pid || !strings.Contains(f.Text, "main.seg") || !strings.Contains(f.Text, "grip") {
		t.Errorf("the process is told of as %+v", f)
	}
	wantChecks(t, all, "warning deleted-mapped", "info no-bus")
	buscatEnds(t, exitOK, dir, "create", "t")
	wantChecks(t, diagnose(t, exitOK, dir), "warning deleted-mapped")
	h.kill()
	wantChecks(t, diagnose(t, exitOK, dir))
}

func TestDoctorWarnsOfFullParticipantTables(t *testing.T) {
	dir := doctorDir(t)
	b := openDoctorBus(t, dir, bus.WithMaxParticipants(2))
	_, err := b.Publisher("t", bus.WithTopic(gripLossless))
	noFault(t, err)
	wantChecks(t, diagnose(t, exitOK, dir))
	startGrip(t, dir, nil, "join", "t")
	wantChecks(t, diagnose(t, exitOK, dir), "warning participants-full")
}
