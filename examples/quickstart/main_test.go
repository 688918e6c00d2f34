package main

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"testing"
	"time"
)

const asProgram = "SHMBUS_TEST_AS_PROGRAM"

// The test binary is the program too, so that the processes it starts are the real ones.
func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func quickstart(t *testing.T, args ...string) (string, error) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("no shared segments on " + runtime.GOOS)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, exe, args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestItShowsFramesAndEndsByItself(t *testing.T) {
	out, err := quickstart(t, "-frames", "300")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		`frame +1 .*msgpack +\{Sensor:boiler Celsius:60\}`,
		`frame +2 .*raw +"line 1"`,
		`300 frames received, 0 lost; one way: p50 .*, p99 `,
	} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("nothing matches %q in:\n%s", want, out)
		}
	}
	dir := regexp.MustCompile(`bus directory: (.*)`).FindStringSubmatch(out)
	if dir == nil {
		t.Fatalf("no bus directory in:\n%s", out)
	}
	if _, err := os.Stat(dir[1]); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", dir[1], err)
	}
}

func TestWrongUsageIsAnError(t *testing.T) {
	for _, args := range [][]string{{"-role", "nobody"}, {"-frames", "0"}} {
		if out, err := quickstart(t, args...); err == nil {
			t.Errorf("%q: no error:\n%s", args, out)
		}
	}
}
