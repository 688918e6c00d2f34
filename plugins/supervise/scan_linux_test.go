package supervise

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shmbus/plugins"
)

const script = "#!/bin/sh\nexec sleep 600\n"

func TestAPluginIsStartedRestartedAndStoppedWithItsFiles(t *testing.T) {
	r := newRig(t)
	r.manifest("steady", "")
	r.start()
	steady := r.runs("steady")

	r.manifest("one", "")
	began := time.Now()
	one := r.runs("one")
	t.Logf("started after %v", time.Since(began))
	r.write("two", script, 0o755)
	two := r.runs("two")

	r.manifest("one", "env = {A = \"b\"}\n")
	again := r.runs("one", one)
	r.write("two", script+"#\n", 0o755)
	two = r.runs("two", two)

	r.remove("one.toml")
	r.gone("one")
	r.remove("two")
	r.gone("two")
	r.until("only steady is left", func() bool { return len(r.s.Plugins()) == 1 })
	for _, path := range []string{r.o.Place.Plugin("one").Spec(), r.o.Place.Plugin("one").State()} {
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("%s stays: %v", path, err)
		}
	}
	if st := r.is("steady", plugins.Running); st.Runner.PID != steady || st.Plugin.PID != 0 || st.Hash == "" {
		t.Errorf("steady was touched: %+v, was %d", st, steady)
	}
	if again == one || two == 0 {
		t.Errorf("pids %d, %d, %d", one, again, two)
	}
}

func TestAChangeThatChangesNothingRestartsNothing(t *testing.T) {
	r := newRig(t)
	r.manifest("a", "# a comment\n")
	r.start()
	pid := r.runs("a")
	r.manifest("a", "# another comment\n")
	r.manifest("b", "")
	r.runs("b") // written later, seen later
	if st := r.is("a", plugins.Running); st.Runner.PID != pid {
		t.Errorf("a was restarted: %d, was %d", st.Runner.PID, pid)
	}
}

func TestAHalfWrittenFileIsNotStarted(t *testing.T) {
	r := newRig(t)
	r.start()
	open := func(name string, mode os.FileMode) *os.File {
		f, err := os.OpenFile(filepath.Join(r.dir, name), os.O_CREATE|os.O_WRONLY, mode)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	write := func(f *os.File, s string) {
		if _, err := io.WriteString(f, s); err != nil {
			t.Fatal(err)
		}
	}
	program, manifest := open("program", 0o755), open("m.toml", 0o644)
	write(program, script[:12])
	write(manifest, "contract = \"bus\"\ncommand = [\"true\"]\n") // it could be started like this, but it is not complete
	r.is("program", plugins.Refused, "open for writing")          // after seconds in which nothing else happened to it
	r.is("m", plugins.Refused, "open for writing")
	for _, name := range []string{"program", "m"} {
		if _, err := os.Stat(string(r.o.Place.Plugin(name))); !os.IsNotExist(err) {
			t.Errorf("%s was started: %v", name, err)
		}
	}
	write(manifest, "env = {A = \"b\"}\n")
	manifest.Close()
	program.Close()
	r.runs("program")
	r.runs("m")
	var spec plugins.Spec
	if err := plugins.ReadJSON(r.o.Place.Plugin("m").Spec(), &spec); err != nil || spec.Env["A"] != "b" {
		t.Errorf("m was run from half a manifest: %+v, %v", spec, err)
	}
}

func TestABadManifestIsToldAndWhatRunsGoesOn(t *testing.T) {
	r := newRig(t)
	r.manifest("a", "")
	r.write("helper.sh", script, 0o755)
	r.start()
	pid := r.runs("a")
	r.runs("helper.sh")
	r.manifest("a", "nonsense = 1\n")
	st := r.is("a", plugins.Running, "older than its files", "nonsense")
	if st.Runner.PID != pid {
		t.Errorf("it was restarted: %d, was %d", st.Runner.PID, pid)
	}
	if err := r.s.Restart("a"); err == nil || !strings.Contains(err.Error(), "left running") {
		t.Errorf("restarted: %v", err)
	}
	r.write("b.toml", "executable = \"helper.sh\"\ncontract = \"nothing\"\n", 0o644)
	r.is("b", plugins.Refused, "nothing", "b.toml")
	r.is("helper.sh", plugins.Running, "cannot be read now")
	r.manifest("a", "")
	r.until("the problem is over", func() bool { return r.state("a").Problem == "" })
	if st := r.is("a", plugins.Running); st.Runner.PID != pid {
		t.Errorf("it was restarted: %d, was %d", st.Runner.PID, pid)
	}
}

func TestWhatOthersMayWriteIsRefused(t *testing.T) {
	chmod := func(path string, mode os.FileMode) {
		t.Helper()
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	r := newRig(t)
	r.manifest("a", "")
	chmod(r.dir, 0o777)
	r.start()
	r.is("a", plugins.Refused, r.dir+" may be written by others", "chmod go-w "+r.dir)
	if p := r.s.Problem(); !strings.Contains(p, "may be written by others") {
		t.Errorf("the problem is %q", p)
	}
	chmod(r.dir, 0o755)
	pid := r.runs("a")

	r.write("b.toml", "contract = \"bus\"\ncommand = [\"true\"]\n", 0o666)
	r.is("b", plugins.Refused, "b.toml may be written by others")
	r.write("c", script, 0o775)
	r.is("c", plugins.Refused, filepath.Join(r.dir, "c")+" may be written by others")
	chmod(filepath.Join(r.dir, "b.toml"), 0o644)
	chmod(filepath.Join(r.dir, "c"), 0o755)
	r.runs("b")
	r.runs("c")

	sub, file := filepath.Join(r.dir, "sub"), filepath.Join(r.dir, "sub", "d.sh")
	if err := os.Mkdir(sub, 0o700); err != nil {
		t.Fatal(err)
	}
	r.write("sub/d.sh", script, 0o777)
	r.write("d.toml", "contract = \"bus\"\ncommand = [\"sh\", \"./sub/d.sh\"]\n", 0o644)
	r.is("d", plugins.Refused, file+" may be written by others")
	chmod(file, 0o755)
	chmod(sub, 0o777)
	r.is("d", plugins.Refused, sub+" may be written by others")
	chmod(sub, 0o755)
	r.runs("d")
	chmod(r.dir, 0o775)
	if st := r.is("a", plugins.Running, "may be written by others"); st.Runner.PID != pid {
		t.Errorf("a was restarted: %d, was %d", st.Runner.PID, pid)
	}
	if os.Geteuid() == 0 {
		chmod(r.dir, 0o755)
		if err := os.Chown(filepath.Join(r.dir, "b.toml"), 65534, 65534); err != nil {
			t.Fatal(err)
		}
		r.is("b", plugins.Running, "belongs to user 65534")
	}
}

// TestAProblemIsToldWithTheKeyThatItIsAbout: none where there is no manifest, and that of the file where its checksum cannot be taken.
func TestAProblemIsToldWithTheKeyThatItIsAbout(t *testing.T) {
	r := newRig(t)
	r.write("alone", script, 0o775)
	const unreadable = "/proc/self/mem" // at its beginning
	r.write("pinned.toml", "executable = \""+unreadable+"\"\nsha256 = \""+strings.Repeat("0", 64)+"\"\n", 0o644)
	var all map[string]Found
	r.until("nobody writes", func() (settled bool) {
		var err error
		if all, err = newScanner(r.dir, r.bus, r.o.Place).scan(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		return all["alone"].Problem != nil && !strings.Contains(fmt.Sprint(all["alone"].Problem, all["pinned"].Problem), "open for writing")
	})
	if got, want := fmt.Sprint(all["alone"].Problem), filepath.Join(r.dir, "alone")+" may be written by others"; !strings.HasPrefix(got, want) {
		t.Errorf("%s, want %s", got, want)
	}
	if got := fmt.Sprint(all["pinned"].Problem); !strings.Contains(got, "line 1: executable: read "+unreadable) || strings.Contains(got, "sha256: ") {
		t.Error(got)
	}
}

func TestOnlyPluginsArePlugins(t *testing.T) {
	r := newRig(t)
	for _, name := range []string{".hidden", "a~", "a.new", "a.tmp", "a.swp", "a.bak", "README", "README.md", "part.sh", "part.py", "named"} {
		r.write(name, script, 0o755)
	}
	r.write("data", "text", 0o644)
	r.write("x.toml.bak", "", 0o644)
	if err := os.Mkdir(filepath.Join(r.dir, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	r.write("named.toml", "executable = \"part.sh\"\n", 0o644)
	r.write("other.toml", "contract = \"bus\"\ncommand = [\"env\", \"./part.py\"]\n", 0o644)
	r.write("alone", script, 0o755)
	r.write("bad name", script, 0o755)
	r.write("pinned.toml", "executable = \"part.sh\"\nsha256 = \""+strings.Repeat("0", 64)+"\"\n", 0o644)
	r.write("missing.toml", "executable = \"nothing\"\n", 0o644)
	r.write("plain.toml", "executable = \"data\"\n", 0o644)
	r.write("typo.toml", "builtin = \"tiemr\"\n", 0o644)
	r.write("late.toml", "builtin = \"hoststats\"\n[config]\nevery = \"1ms\"\n", 0o644)
	r.write("nobody.toml", "builtin = \"hoststats\"\nuser = \"no such user\"\n", 0o644)
	later := time.Now().Add(time.Minute)
	var all map[string]Found
	r.until("nobody writes", func() bool { // a process that another test is just starting may have a file of ours for a moment
		var err error
		if all, err = newScanner(r.dir, r.bus, r.o.Place).scan(later); err != nil {
			t.Fatal(err)
		}
		for _, f := range all {
			if f.Problem != nil && strings.Contains(f.Problem.Error(), "open for writing") {
				return false
			}
		}
		return true
	})
	want := map[string]string{
		"alone": "", "named": "", "other": "", "bad name": "no name of a plugin", "pinned": "the manifest wants 000",
		"missing": "no such file", "plain": "chmod +x", "nobody": "no such user", "typo": "there are filetail, hoststats",
		"late": "late.toml: line 3: config.every: 1ms: at least 100ms",
	}
	for name, f := range all {
		problem, ok := want[name]
		delete(want, name)
		switch {
		case !ok:
			t.Errorf("%s is taken for a plugin", name)
		case problem == "" && (f.Spec == nil || f.Problem != nil || f.Unsettled):
			t.Errorf("%s: %+v", name, f)
		case problem != "" && (f.Spec != nil || f.Problem == nil || !strings.Contains(f.Problem.Error(), problem)):
			t.Errorf("%s: %+v, want %q", name, f, problem)
		}
	}
	if len(want) > 0 {
		t.Errorf("not found: %v", want)
	}
	if spec := all["alone"].Spec; spec != nil && (spec.Contract != "" || spec.Executable != filepath.Join(r.dir, "alone") || spec.Bus != r.bus) {
		t.Errorf("%+v", spec)
	}
}

func TestAnExecutableIsItsOwnPluginUnlessAManifestNamesIt(t *testing.T) {
	const lines = "contract = \"lines\"\ncommand = [\"sleep\", \"1\"]\n"
	for _, c := range []struct {
		manifest string
		found    bool // the executable, as a plugin of its own
		problem  string
	}{
		{lines + "topic = \"webcam\"\nnonsense = 1\n", true, ""},
		{lines + "topic = \"cam\" # the camera\nnonsense = 1\n", true, ""},
		{lines + "topic = 'host/cam'\nnonsense = 1\n", true, ""},
		{"# not \"cam\"\n" + lines, true, ""},
		{lines + "topic = \"cam\"\nenv = { A = \"cam\" }\n", true, ""}, // it is whole
		{"builtin = \"filetail\"\n[config]\npaths = [\"cam\"]\nnonsense = 1\n", true, ""},
		{"executable = \"cam\"\nnonsense = 1\n", true, "cannot be read now"},
		{"executable = './cam' # here\nnonsense = 1\n", true, "cannot be read now"},
		{"command = \"cam\"\n", true, "cannot be read now"},
		{"command = [\"sh\",\n  \"./cam\",\n", true, "cannot be read now"},
		{"contract = \"bus\"\ncommand = [\"nice\", \"./cam\"]\n", false, ""},
	} {
		dir := t.TempDir()
		put := func(name, text string, mode os.FileMode) {
			t.Helper()
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), mode); err != nil {
				t.Fatal(err)
			}
		}
		put("cam", script, 0o755)
		put("web.toml", c.manifest, 0o644)
		for name, now := range map[string]time.Time{"settled": time.Now().Add(time.Minute), "not settled": time.Now()} {
			all, err := newScanner(dir, "/b", "/p").scan(now)
			if err != nil {
				t.Fatal(err)
			}
			f, found := all["cam"]
			if found != c.found || (f.Problem == nil) != (c.problem == "") || f.Problem != nil && !strings.Contains(f.Problem.Error(), c.problem) {
				t.Errorf("%s: %q: cam: %v, %v; want %v, %q", name, c.manifest, found, f.Problem, c.found, c.problem)
			}
		}
	}
}

func TestANameThatIsTooLongForItsSocketIsRefused(t *testing.T) {
	dir := t.TempDir()
	fits := func(length int) {
		t.Helper()
		name := strings.Repeat("x", 60)
		place := plugins.Place("/" + strings.Repeat("s", length-len("//plugins//n")-len(name)))
		if err := os.WriteFile(filepath.Join(dir, name+".toml"), []byte("builtin = \"timer\"\n[[topics]]\nname = \"t\"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		var all []Found
		settled := func() (err error) {
			all, err = Look(dir, "/b", place)
			return err
		}
		for all = nil; len(all) == 0 || all[0].Unsettled; {
			if err := settled(); err != nil {
				t.Fatal(err)
			}
		}
		if err := all[0].Problem; (err == nil) != (length <= 107) || err != nil && !strings.Contains(err.Error(), "shorter name") {
			t.Errorf("a path of %d bytes: %v", length, err)
		}
	}
	fits(107)
	fits(108)
}

func TestAManifestThatALinkDoesNotLeadToIsRefused(t *testing.T) {
	r := newRig(t)
	file := filepath.Join(t.TempDir(), "a.toml")
	if err := os.WriteFile(file, []byte("contract = \"bus\"\ncommand = [\"true\"]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, filepath.Join(r.dir, "a.toml")); err != nil {
		t.Fatal(err)
	}
	r.start()
	pid := r.runs("a")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if st := r.is("a", plugins.Running, "leads nowhere"); st.Runner.PID != pid {
		t.Errorf("%+v", st)
	}
}

func TestADirectoryOfProgramsIsNoneOfPlugins(t *testing.T) {
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/bin", "/sbin") {
		if _, err := os.Stat(dir); err != nil {
			continue
		}
		if all, err := Look(dir, "/b", "/p"); len(all) > 0 || err == nil || !strings.Contains(err.Error(), "is in PATH") {
			t.Errorf("%s: %d plugins, %v", dir, len(all), err)
		}
	}
}

func TestTheDirectoryMayComeAndGo(t *testing.T) {
	r := newRig(t)
	move := func(from, to string) {
		t.Helper()
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	away := r.dir + ".away"
	r.manifest("a", "")
	move(r.dir, away)
	r.start()
	r.until("it answers", func() bool { return r.s.Alive() == nil })
	move(away, r.dir)
	pid := r.runs("a")
	move(r.dir, away)
	r.gone("a")
	move(away, r.dir)
	r.runs("a", pid)
	r.manifest("b", "") // in the directory of now
	r.runs("b")
}

func TestAFileThatChangesDuringALookIsFresh(t *testing.T) {
	now := time.Now()
	for age, want := range map[time.Duration]bool{
		0: true, -time.Millisecond: true, time.Millisecond: true, settle: false, 2 * settle: false, -time.Hour: false,
	} {
		if got := fresh(identity{Ctim: now.Add(-age).UnixNano()}, now, settle); got != want {
			t.Errorf("changed %v ago: fresh is %v", age, got)
		}
	}
}
