package plugins

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"shmbus/internal/wholefile"
)

// A Spec is what a runner is to run: a manifest with everything resolved.
type Spec struct {
	Manifest
	Name  string `json:"name"`
	Bus   string `json:"bus"`   // the bus directory, absolute
	Place Place  `json:"place"` // absolute
	Hash  string `json:"hash"`  // changes whenever the plugin has to be started anew: of the manifest, the executable and this format
}

// A Phase is where a plugin stands.
type Phase string

// The phases.
const (
	Starting Phase = "starting" // started, not ready yet
	Running  Phase = "running"  // ready
	Backoff  Phase = "backoff"  // it failed, and is started again at State.Next
	Stopping Phase = "stopping" // it was told to end
	Stopped  Phase = "stopped"  // it ended as it was to
	Failed   Phase = "failed"   // it was given up
	Refused  Phase = "refused"  // it is not started, State.Problem says why; only busd says so
)

// A Process is a process, told from a later one of the same pid by its start.
type Process struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // field 22 of /proc/PID/stat, clock ticks since boot
	Boot  string `json:"boot"`  // /proc/sys/kernel/random/boot_id
}

// A State is what a runner tells of its plugin. It is for those who look, and for the next busd.
type State struct {
	Name     string    `json:"name"`
	Hash     string    `json:"hash"`   // of the Spec it runs
	Runner   Process   `json:"runner"` // alive while Nook.Lock is held
	Plugin   Process   `json:"plugin"` // zero: none now
	Grace    Duration  `json:"grace"`  // of the Spec it runs; 0: a runner of an earlier version does not tell
	Phase    Phase     `json:"phase"`
	Since    time.Time `json:"since"`    // in this phase
	Contract Contract  `json:"contract"` // "" until the handshake
	Status   string    `json:"status"`   // as last told by sd_notify
	Problem  string    `json:"problem"`  // how it ended last, until it has run for Restart.Steady; or why it is not run
	Restarts int       `json:"restarts"` // in the runner's life
	Tries    int       `json:"tries"`    // failures in a row
	Next     time.Time `json:"next"`     // the next start, in Backoff
	Told     bool      `json:"told"`     // the runner was told to end: by busd, or else by somebody who has nothing to say
	Frames   uint64    `json:"frames"`   // published for the plugin; contracts lines and frames
	Bytes    uint64    `json:"bytes"`
	Dropped  uint64    `json:"dropped"` // frames that could not be published
}

// WriteJSON puts v in the file at path, all at once, mode 0600: who reads sees the old content or the new.
func WriteJSON(path string, v any) error {
	b, err := toJSON(v)
	if err != nil {
		return err
	}
	return wholefile.Write(path, b, 0o600)
}

func toJSON(v any) ([]byte, error) {
	b, err := json.MarshalIndent(v, "", "  ")
	return append(b, '\n'), err
}

// IsJSON says whether the file at path is as WriteJSON would write it.
func IsJSON(path string, v any) bool {
	want, err := toJSON(v)
	if err != nil {
		return false
	}
	have, err := os.ReadFile(path)
	return err == nil && bytes.Equal(have, want)
}

// MaxJSON is the longest file that ReadJSON reads, in bytes.
const MaxJSON = 1 << 20

// ReadJSON reads what WriteJSON has written.
func ReadJSON(path string, v any) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, MaxJSON+1))
	if err != nil {
		return err
	}
	if len(b) > MaxJSON {
		return fmt.Errorf("%s: more than %d bytes", path, MaxJSON)
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
