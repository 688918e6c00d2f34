//go:build linux

package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"shmbus/bench/peers"
)

// deaf starts a team whose processes are connected and never do anything more, whatever they are told.
func deaf(ctx context.Context, t *testing.T, l *lab, s *server) *team {
	t.Helper()
	l.memory = t.TempDir()
	r, err := l.startTeam(ctx, s, []string{"sh", "-c", `echo '{"ready":true}'; exec sleep 600`}, peers.Options{Pubs: 1, Subs: 1, Size: 64}, false)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// soon runs a team in which nothing happens until something ends that, and gives its error.
func soon(t *testing.T, r runner, end func()) (err error) {
	t.Helper()
	said := make(chan error, 1)
	go func() {
		_, err := r.run(1)
		said <- err
	}()
	end()
	patiently(t, "end of the turn", func() bool {
		select {
		case err = <-said:
			return true
		default:
			return false
		}
	})
	return err
}

func TestTheEndOfAllEndsATurnOfProcessesThatHang(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	defer end()
	team := deaf(ctx, t, &lab{}, nil)
	if err := soon(t, team, end); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	start := time.Now()
	team.close()
	if took := time.Since(start); took >= 2*patience {
		t.Errorf("they were ended one after the other, in %v", took)
	}
}

// TestATeamWhoseServerHasEndedIsOut: it would wait for what only the server can do.
func TestATeamWhoseServerHasEndedIsOut(t *testing.T) {
	const why = "the daemon has ended: signal: killed: out of chunks"
	s, err := start(t.Context(), "the daemon", func(string) bool { return true }, "sh", "-c", "echo out of chunks >&2; echo ready; exec sleep 600")
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	team := deaf(t.Context(), t, &lab{}, s)
	defer team.close()
	if err := soon(t, team, func() { _ = s.cmd.Process.Kill() }); err == nil || err.Error() != why {
		t.Errorf("in a turn: %v", err)
	}
	e := &entrant{runner: new(loose), server: s}
	if _, err := e.turn(); err == nil || err.Error() != why {
		t.Errorf("before a turn: %v", err)
	}
}

// TestATurnThatIsToBeLongIsNotTakenForOneThatHangs: -time may be more than what is patience for a short one.
func TestATurnThatIsToBeLongIsNotTakenForOneThatHangs(t *testing.T) {
	needCPUs(t)
	const long = time.Hour
	l := new(lab)
	if _, err := l.measure(t.Context(), nil, nil, 1, long); err != nil {
		t.Fatal(err)
	}
	team := deaf(t.Context(), t, l, nil)
	defer team.close()
	if team.patience < 2*long {
		t.Errorf("after %v it would be taken for hanging", team.patience)
	}
	team.patience = time.Millisecond
	if err := soon(t, team, func() {}); err == nil || !strings.Contains(err.Error(), "not all processes have reported") {
		t.Error(err)
	}
}
