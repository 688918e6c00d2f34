package mcapfile

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// nodePackages are those whose reader must understand our files.
var nodePackages = []string{"@mcap/core@2.2.2", "@mcap/support@1.1.0"}

// TestAnotherReaderReadsAClosedFile: @mcap/core from npm, with its checksums checked, by the index and from the beginning.
func TestAnotherReaderReadsAClosedFile(t *testing.T) {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed: %v", program, err)
		}
	}
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	run := func(name string, args ...string) ([]byte, error) {
		c := exec.CommandContext(ctx, name, args...)
		c.Dir = dir
		var errOut bytes.Buffer
		c.Stderr = &errOut
		out, err := c.Output()
		if err != nil {
			t.Logf("%s: %v: %s", name, err, errOut.Bytes())
		}
		return out, err
	}
	install := append([]string{"install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", dir}, nodePackages...)
	if _, err := run("npm", install...); err != nil {
		t.Skipf("%v cannot be had from npm: %v", nodePackages, err)
	}
	script, err := os.ReadFile("testdata/read.mjs")
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "read.mjs"), script, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range compressions {
		const n = 60
		path := filepath.Join(dir, "f"+string(c)+".mcap")
		if err := os.WriteFile(path, sample(t, n, c), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := run("node", "read.mjs", path)
		if err != nil {
			t.Fatalf("%q cannot be read", c)
		}
		var got struct {
			Frames []struct {
				Topic, Kind                    string
				Sequence                       int
				LogTime, PublishTime, Encoding string
				Body                           []byte
			}
			Metadata     map[string]map[string]string
			Streamed     int
			MessageCount string
		}
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatal(err)
		}
		if len(got.Frames) != n || got.Streamed != n || got.MessageCount != strconv.Itoa(n) || got.Metadata["note"]["half"] != "way" {
			t.Errorf("%q: %d messages by the index, %d in the stream, %s in the statistics; %v", c, len(got.Frames), got.Streamed, got.MessageCount, got.Metadata)
		}
		for i, f := range got.Frames {
			want := message(i)
			if f.Sequence != i || f.Kind != "raw" || f.Topic != "t/"+strconv.Itoa(int(want.ChannelID)) || !bytes.Equal(f.Body, want.Data) ||
				f.LogTime != strconv.FormatUint(want.LogTime, 10) || f.PublishTime != strconv.FormatUint(want.PublishTime, 10) {
				t.Fatalf("%q: message %d is %+v", c, i, f)
			}
		}
	}
}
