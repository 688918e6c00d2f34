package exec

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/plugins"
)

// quick is a restart policy that does not keep a test waiting.
const quick = "[restart]\nfirst = \"1ms\"\nmost = \"20ms\"\n"

func TestAPluginRunsUntilItsRunnerIsToldToStop(t *testing.T) {
	w := newWorld(t, `contract = "bus"
command = ["sh", "-c", "while :; do sleep 1000; done"]`)
	w.start()
	s := w.phase(plugins.Running)
	if !alive(s.Plugin.PID) || s.Runner.PID != w.runner.Pid() || s.Name != "p" || s.Hash != "hash" || s.Contract != plugins.Direct || s.Grace != plugins.DefaultGrace {
		t.Errorf("%+v", s)
	}
	if st, err := readStat(s.Plugin.PID); err != nil || st.pgrp != s.Plugin.PID {
		t.Errorf("%+v, %v: it has no process group of its own", st, err)
	}
	if e := w.event(Ready); e.PID != s.Plugin.PID || e.Plugin != "p" {
		t.Errorf("%+v", e)
	}
	if how := w.stop(); how != "<nil>" {
		t.Errorf("the runner ends with %s", how)
	}
	if alive(s.Plugin.PID) {
		t.Error("the plugin is alive")
	}
	if s := w.state(); s.Phase != plugins.Stopped || s.Plugin.PID != 0 || s.Problem != "" {
		t.Errorf("%+v", s)
	}
	w.told(Started, Ready, Stopping, Exited, Stopped)
}

func TestAPluginHasOneRunner(t *testing.T) {
	w := newWorld(t, `contract = "bus"
command = ["sleep", "1000"]`)
	w.start()
	s := w.phase(plugins.Running)
	first := w.runner
	w.start()
	has(t, w.end(), ErrRunning.Error(), w.nook.Lock())
	w.runner = first
	if !alive(s.Plugin.PID) {
		t.Error("the second runner has ended the first one's plugin")
	}
}

func TestAPluginThatFailsIsStartedAgainAndThenGivenUp(t *testing.T) {
	w := newWorld(t, `contract = "bus"
command = ["sh", "-c", "exit 3"]
`+quick+"tries = 4\n")
	w.start()
	has(t, w.end(), "given up after 4 failures", "exit code 3")
	s := w.state()
	if s.Phase != plugins.Failed || s.Tries != 4 || s.Restarts != 3 || s.Plugin.PID != 0 {
		t.Errorf("%+v", s)
	}
	has(t, s.Problem, "exit code 3")
	all := w.told(Restarting, Started, Ready, Exited, GivenUp)
	if n := len(slices.DeleteFunc(all, func(e string) bool { return e != Backoff })); n != 3 {
		t.Errorf("%d pauses, want 3", n)
	}
}

func TestTheProblemOfAPluginThatRunsWellAgainIsForgotten(t *testing.T) {
	w := newWorld(t, `contract = "bus"
command = ["sh", "-c", "test -e been && exec sleep 600; touch been; exit 3"]
[restart]
first = "1ms"
steady = "1s"`)
	w.start()
	s := w.until("it runs again", func(s plugins.State) bool { return s.Phase == plugins.Running && s.Restarts == 1 })
	if s.Tries > 0 {
		has(t, s.Problem, "exit code 3") // it may be about to fail again
	}
	s = w.until("that is over", func(s plugins.State) bool { return s.Problem == "" && s.Tries == 0 })
	if s.Phase != plugins.Running || s.Restarts != 1 {
		t.Errorf("%+v", s)
	}
}

func TestAPluginThatWaitsToBeStartedAgainCanBeStopped(t *testing.T) {
	w := newWorld(t, `contract = "bus"
command = ["sh", "-c", "kill -SEGV $$"]
[restart]
first = "1h"
most = "1h"`)
	w.start()
	s := w.phase(plugins.Backoff)
	has(t, s.Problem, "SIGSEGV")
	if until := time.Until(s.Next); until < 40*time.Minute || until > time.Hour || s.Tries != 1 {
		t.Errorf("%+v: next in %v", s, until)
	}
	if how := w.stop(); how != "<nil>" {
		t.Errorf("the runner ends with %s", how)
	}
	if s := w.state(); s.Phase != plugins.Stopped || !s.Next.IsZero() {
		t.Errorf("%+v", s)
	}
}

func TestAPluginThatHasDoneItsWorkIsNotStartedAgain(t *testing.T) {
	w := newWorld(t, `contract = "bus"
command = ["true"]`)
	w.start()
	if how := w.end(); how != "<nil>" {
		t.Errorf("the runner ends with %s", how)
	}
	if s := w.state(); s.Phase != plugins.Stopped || s.Problem != "" || s.Restarts != 0 {
		t.Errorf("%+v", s)
	}
}

func TestAFailureAfterASteadyRunIsTheFirstOne(t *testing.T) {
	w := newWorld(t, "contract = \"bus\"\ncommand = [\"sh\", \"-c\", \"sleep 0.2; exit 1\"]\n"+quick+"tries = 2\nsteady = \"100ms\"\n")
	w.start()
	w.until("three restarts", func(s plugins.State) bool { return s.Restarts >= 3 })
	if s := w.state(); s.Tries > 1 {
		t.Errorf("%+v", s)
	}
}

func TestAPluginIsNotSteadyBeforeItIsReadyNorWhileItEnds(t *testing.T) {
	for name, c := range map[string]struct{ manifest, problem string }{
		"it never gets ready": {
			"command = [\"sleep\", \"1000\"]\nnotify = true\nready = \"300ms\"\n", "not ready within 300ms",
		},
		"it takes long to end": {
			"command = [\"sh\", \"-c\", \"trap '' ABRT; while :; do sleep 0.01; done\"]\nwatchdog = \"10ms\"\ngrace = \"300ms\"\n", "WATCHDOG=1 within 10ms",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "contract = \"bus\"\n"+c.manifest+quick+"tries = 2\nsteady = \"250ms\"\n")
			w.start()
			has(t, w.end(), "given up after 2 failures", c.problem)
		})
	}
}

func TestAPluginIsAlwaysStartedAgainIfItIsToBe(t *testing.T) {
	w := newWorld(t, `contract = "bus"
command = ["true"]
`+quick+"policy = \"always\"\n")
	w.start()
	w.until("three restarts", func(s plugins.State) bool { return s.Restarts >= 3 })
	if s := w.state(); s.Tries != 0 {
		t.Errorf("%+v: an end with 0 is no failure", s)
	}
}

func TestAFailureIsToldWithWhatThePluginHasSaidLast(t *testing.T) {
	for does, says := range map[string]string{
		`echo first >&2; echo 'no sensor' >&2; echo >&2; exit 3`:                                              "exit code 3; it said last: no sensor",
		`printf '{"@level":"error","@message":"failed","@module":"p","error":"no \"port\""}' >&2; kill -9 $$`: `killed by SIGKILL (killed); it said last: failed: no "port"`,
		`exit 4`: "exit code 4",
	} {
		w := newWorld(t, fmt.Sprintf("contract = \"lines\"\ntopic = \"t\"\ncommand = [\"sh\", \"-c\", %q]\n[restart]\npolicy = \"never\"", does))
		w.start()
		w.end()
		if got := w.state().Problem; got != says {
			t.Errorf("%s: problem %q, want %q", does, got, says)
		}
	}
}

func TestAPluginIsNeverStartedAgainIfItIsNotToBe(t *testing.T) {
	w := newWorld(t, `contract = "bus"
command = ["false"]
[restart]
policy = "never"`)
	w.start()
	has(t, w.end(), "exit code 1")
	if s := w.state(); s.Phase != plugins.Failed || s.Restarts != 0 {
		t.Errorf("%+v", s)
	}
}

func TestWhatCannotBeStartedSaysWhy(t *testing.T) {
	dir := script(t, "it", "exit 0\n")
	plainFile := filepath.Join(dir, "plain")
	if err := os.WriteFile(plainFile, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"dos": "#!/bin/sh\r\nexit 0\r\n", "bare": "exit 0\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	sum := sha256.Sum256([]byte("something else"))
	for manifest, says := range map[string]string{
		"contract = \"bus\"\ncommand = [\"sh\"]\nenv = { PATH = \"/nowhere:.\" }":                  `"sh" is not in PATH of env, "/nowhere:."`,
		"contract = \"bus\"\ncommand = [\"sleep\", \"1000\"]\ndir = \"it\"":                        "it: not a directory",
		"contract = \"bus\"\ncommand = [\"no-such-command\"]":                                      "not in PATH",
		"contract = \"bus\"\nexecutable = \"missing\"":                                             "no such file",
		"contract = \"bus\"\nexecutable = \"plain\"":                                               "chmod +x",
		"contract = \"bus\"\nexecutable = \"dos\"":                                                 `asks for "/bin/sh\r"`,
		"contract = \"bus\"\nexecutable = \"bare\"":                                                "one like #!/bin/sh",
		"contract = \"bus\"\ncommand = [\"true\"]\ndir = \"nowhere\"":                              "working directory",
		"contract = \"bus\"\nexecutable = \"it\"\nsha256 = \"" + hex.EncodeToString(sum[:]) + "\"": "checksum",
		"contract = \"bus\"\ncommand = [\"true\"]\nuser = \"no-such-user\"":                        "no-such-user",
	} {
		t.Run(says, func(t *testing.T) {
			w := newWorldIn(t, dir, manifest)
			w.spec.Restart = plugins.Restart{Policy: "on-failure", Tries: 2, First: 1, Most: 1, Steady: plugins.DefaultSteady}
			w.start()
			has(t, w.end(), says)
			if s := w.state(); s.Phase != plugins.Failed || s.Tries != 2 {
				t.Errorf("%+v", s)
			}
			w.told(NotStarted, GivenUp)
		})
	}
}

func TestACommandIsLookedUpInThePluginsOwnPath(t *testing.T) {
	dir := script(t, "mytool", "echo it runs >&2; exit 3\n")
	w := newWorldIn(t, dir, fmt.Sprintf("contract = \"bus\"\ncommand = [\"mytool\"]\nenv = { PATH = \"/nowhere:%s:/bin\" }\n%stries = 1\n", dir, quick))
	w.start()
	has(t, w.end(), "exit code 3", "it runs")
}

func TestAnExecutableWithItsChecksumIsRun(t *testing.T) {
	text := "#!/bin/sh\necho hello\nexec sleep 1000\n"
	sum := sha256.Sum256([]byte(text))
	dir := script(t, "it", text[len("#!/bin/sh\n"):])
	w := newWorldIn(t, dir, "contract = \"lines\"\ntopic = \"t\"\nexecutable = \"it\"\nsha256 = \""+hex.EncodeToString(sum[:])+"\"")
	s := w.lossless("t", bus.TopicOptions{})
	w.start()
	w.expect(s, "hello")
}

func TestABuiltinIsThisProgramsOwn(t *testing.T) {
	w := newWorld(t, "builtin = \"some\"\nenv = { SHMBUS_TEST_HELPER = \"builtin\" }\n")
	s := w.lossless("t", bus.TopicOptions{})
	w.start()
	w.expect(s, "builtin some")
}

func TestAPinnedExecutableRunsAsAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to run a plugin as another user")
	}
	text := "#!/bin/sh\nid -u\nexec sleep 1000\n"
	sum := sha256.Sum256([]byte(text))
	w := newWorldIn(t, "/dev", "contract = \"lines\"\ntopic = \"t\"\nuser = \"nobody\"\nexecutable = \"it\"\nsha256 = \""+hex.EncodeToString(sum[:])+"\"")
	w.spec.Executable = filepath.Join(script(t, "it", text[len("#!/bin/sh\n"):]), "it")
	s := w.lossless("t", bus.TopicOptions{})
	w.start()
	w.expect(s, "65534")
}

func TestASpecThatCannotBeRunIsRefused(t *testing.T) {
	for says, change := range map[string]func(*plugins.Spec){
		"no name of a plugin": func(s *plugins.Spec) { s.Name = "../p" },
		"is busd's":           func(s *plugins.Spec) { s.Topic = "$bus/events" },
		"absolute":            func(s *plugins.Spec) { s.Bus = "bus" },
		"its place is":        func(s *plugins.Spec) { s.Name = "q" },
		"nothing to be run":   func(s *plugins.Spec) { s.Command = nil },
		"a time is needed":    func(s *plugins.Spec) { s.Grace = 0 },
	} {
		w := newWorld(t, "contract = \"bus\"\ncommand = [\"true\"]\n")
		change(w.spec)
		w.start()
		has(t, w.end(), says)
	}
	w := newWorld(t, "contract = \"bus\"\ncommand = [\"true\"]\n")
	if err := os.WriteFile(w.nook.Spec(), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Run(t.Context(), w.nook.Spec()); err == nil {
		t.Error("half a file is taken")
	}
}
