package exec

import (
	"context"
	"errors"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"shmbus/plugins"
)

// cleaner is a runner that has not started its plugin yet.
func cleaner(t *testing.T, manifest string) (*world, *runner) {
	t.Helper()
	w := newWorld(t, "contract = \"bus\"\ncommand = [\"true\"]\n"+manifest)
	report := plugins.NewReporter(w.bus)
	t.Cleanup(func() { report.Close() })
	log, err := newLog(w.nook.Log(), w.spec.Name, report)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	return w, &runner{
		spec: w.spec, nook: w.nook, bus: w.bus, report: report, log: log, policy: policy{Restart: w.spec.Restart},
		board: &board{nook: w.nook, mine: func() error { return nil }, log: log.of("runner")},
	}
}

func TestWhatAnEarlierRunnerHasLeftIsEndedLaterIfNotNow(t *testing.T) {
	w, r := cleaner(t, "[restart]\npolicy = \"never\"\ntries = 1\nfirst = \"1ms\"\n")
	tries := 0
	o := r.clean(t.Context(), func() (int, error) {
		if tries++; tries == 1 {
			return 0, unix.EMFILE
		}
		if s := w.state(); s.Phase != plugins.Backoff || s.Problem != unix.EMFILE.Error() || s.Tries != tries-1 {
			t.Errorf("%+v", s)
		}
		if tries < 4 {
			return 0, unix.EMFILE
		}
		return 2, nil
	})
	if o.problem != "" || tries != 4 || r.policy.tries != 0 {
		t.Errorf("%+v after %d tries, %d of them the plugin's", o, tries, r.policy.tries)
	}
	if all := w.told(Backoff, Leftovers); slices.Contains(all, GivenUp) {
		t.Errorf("events %q", all)
	}
}

func TestWhoWaitsForTheEndOfWhatIsLeftCanBeToldToStop(t *testing.T) {
	_, r := cleaner(t, "[restart]\nfirst = \"1h\"\nmost = \"1h\"\n")
	ctx, cancel := context.WithCancel(t.Context())
	o := r.clean(ctx, func() (int, error) {
		cancel()
		return 0, errors.New("not now")
	})
	if o.problem != "not now" {
		t.Errorf("%+v", o)
	}
}
