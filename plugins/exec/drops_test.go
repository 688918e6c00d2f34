package exec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"shmbus/plugins"
)

func TestEachKindOfDropIsLoggedSoon(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := hclog.New(&hclog.LoggerOptions{Output: &out, JSONFormat: true})
		d := &drops{board: &board{nook: plugins.Nook(filepath.Dir(path)), mine: func() error { return nil }, log: log}, log: log}
		logged := func(want ...string) {
			t.Helper()
			d.mu.Lock() // what is logged is logged with it
			defer d.mu.Unlock()
			var got []string
			for j := json.NewDecoder(&out); j.More(); {
				var e struct {
					Frames         int
					Topic, Problem string
				}
				if err := j.Decode(&e); err != nil {
					t.Fatal(err)
				}
				got = append(got, fmt.Sprintf("%d %s: %s", e.Frames, e.Topic, e.Problem))
			}
			if !slices.Equal(got, want) {
				t.Errorf("%q is logged, want %q", got, want)
			}
		}
		for range 10 {
			d.add("too large", "a")
		}
		d.add("busd's", "$bus/z")
		logged("1 a: too large") // at once
		time.Sleep(time.Second)  // not synchronisation: the clock of the bubble
		synctest.Wait()
		logged("9 a: too large", "1 $bus/z: busd's")
		for i := range 100 {
			d.add("too large", fmt.Sprint(i))
		}
		logged()
		d.close()
		var want []string
		for i := range dropKinds - 1 {
			want = append(want, fmt.Sprintf("1 %d: too large", i))
		}
		logged(append(want, "85 others: several")...)
		time.Sleep(time.Minute) // not synchronisation: there is nothing more to come
	})
}
