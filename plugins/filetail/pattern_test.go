//go:build linux

package filetail

import (
	"os"
	"path/filepath"
	"testing"

	"shmbus/plugins/plugintest"
)

// TestOnlyWhatIsWrittenIsAPattern: the working directory's own name is none, whatever it is.
func TestOnlyWhatIsWrittenIsAPattern(t *testing.T) {
	top := t.TempDir()
	for _, name := range []string{"[a]", "a", "*", "?", `\a`, "[", `a\[b]c*`} {
		noError(t, os.MkdirAll(filepath.Join(top, name, "in"), 0o700))
	}
	for _, name := range []string{"[a]", "*", "?", `\a`, "[", `a\[b]c*`} {
		t.Run(name, func(t *testing.T) {
			here := filepath.Join(top, name, "in")
			t.Chdir(here)
			h := plugintest.Start(t, Run, table(t, "paths", []string{"*.log", "sub[1-3]/x", "../y"}, "topic", "{path}", "rescan", "1h"))
			h.Ready()
			noError(t, os.Mkdir("sub2", 0o700))
			for _, file := range []string{"a.log", "sub2/x", "../y", "../../a/y"} { // the last is another directory's
				appendTo(t, file, name+"\n")
			}
			for _, file := range []string{"a.log", "sub2/x", "../y"} {
				topic, err := topicOf("{path}", filepath.Join(here, file))
				noError(t, err)
				h.Expect(h.Subscribe(topic), name)
			}
			h.Stop()
			if all, err := h.Bus.Topics(); err != nil || len(all) != 3 {
				t.Errorf("topics %v, %v", all, err)
			}
			if err := (&Config{Paths: []string{"*.log"}, From: "end", Topic: "t", Rescan: Defaults.Rescan}).Check(nil); err != nil {
				t.Error(err)
			}
		})
	}
}
