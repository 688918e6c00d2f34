package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"shmbus/bus"
)

// Every kind of finding in the sources is in --help, and the other way round.
func TestDoctorsHelpListsAllChecks(t *testing.T) {
	known := map[string]bool{}
	for _, pattern := range []string{"doctor*.go", "../../bus/doctor*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range files {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, re := range []string{
				`Check: +"([a-z-]+)"`, `(?:warnOf|wrongOf|infoOf|wrong|full)\("([a-z-]+)"`, `checkKept = "([a-z-]+)"`,
				`found\([A-Z][a-z]+, "([a-z-]+)"`, `(?:Wrong|Warning), "([a-z-]+)"`, `f\.Check = bus\.Warning, "([a-z]+)"`,
			} {
				for _, m := range regexp.MustCompile(re).FindAllStringSubmatch(string(b), -1) {
					known[m[1]] = !strings.HasSuffix(m[1], "-")
				}
			}
		}
	}
	known["stuck-claim"], known["stuck-in-hand"] = true, true
	if len(known) < 35 {
		t.Errorf("only %d checks were found in the sources: %v", len(known), known)
	}
	_, list, _ := strings.Cut(doctorChecks, "\n\n")
	for check, whole := range known {
		if !whole {
			continue
		}
		if !regexp.MustCompile(`(^|[\s,])` + check + `([\s,]|$)`).MatchString(list) {
			t.Errorf("--help does not tell of %s", check)
		}
	}
}

func TestDoctorsTextIsGroupedAndColouredOnlyWhenAsked(t *testing.T) {
	now := time.Now()
	all := []bus.Finding{
		{Grade: bus.Wrong, Check: "full", Text: "no room", Todo: "make some"},
		{Grade: bus.Warning, Check: "stopped", Segment: "main", Topic: "t", Text: "is stopped", Todo: "continue it", Pid: 7, Stopped: true, Since: now.Add(-time.Second)},
		{Grade: bus.Warning, Check: "x", Segment: "main", Text: "one\ntwo"},
	}
	want := `wrong
  (bus): no room
    to do: make some
warning
  t: is stopped
    pid 7, stopped, for 1s or more
    to do: continue it
  (main.seg): one
    two
`
	if got := string(doctorText(all, false, now)); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	coloured := strings.NewReplacer("wrong\n", "\x1b[1;31mwrong\x1b[0m\n", "warning\n", "\x1b[1;33mwarning\x1b[0m\n").Replace(want)
	if got := string(doctorText(all, true, now)); got != coloured {
		t.Errorf("with colours: %q", got)
	}
	if doctorColours(&strings.Builder{}) {
		t.Error("colours for what is no terminal")
	}
}

func TestDoctorSaysWhenAllIsWell(t *testing.T) {
	b := openBus(t)
	for name, c := range map[string]struct {
		all  []bus.Finding
		well bool
	}{
		"nothing": {nil, true},
		"info":    {[]bus.Finding{{Grade: bus.Info, Text: "x"}}, true},
		"holds":   {[]bus.Finding{{Grade: bus.Holds, Text: "x"}}, false},
		"warning": {[]bus.Finding{{Grade: bus.Warning, Text: "x"}}, false},
	} {
		var out, said strings.Builder
		a := &app{out: &out, errOut: &said}
		if err := a.showFindings(b, c.all, false); err != nil {
			t.Fatal(err)
		}
		if well := strings.Contains(said.String(), "nothing is held, and nothing is wrong on "+b.Dir()); well != c.well {
			t.Errorf("%s: it says %q", name, said.String())
		}
		said.Reset()
		out.Reset()
		if err := a.showFindings(b, c.all, true); err != nil || said.String() != "" || !strings.HasPrefix(out.String(), "[") {
			t.Errorf("%s: as JSON it says %q and prints %q, %v", name, said.String(), out.String(), err)
		}
	}
}
