package native

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
)

func TestAProgramWhoseHeaderIsNotInstalledIsMissingByName(t *testing.T) {
	if _, err := exec.LookPath("cc"); err != nil {
		t.Skip("there is no C compiler")
	}
	programs["nowhere"] = program{file: "futex.c", needs: "nowhere/to/be/found.h", debian: "libnowhere-dev"}
	defer delete(programs, "nowhere")
	_, err := Build(t.Context(), t.TempDir(), "nowhere")
	var m *Missing
	if !errors.As(err, &m) || !strings.Contains(err.Error(), "nowhere/to/be/found.h") || !strings.Contains(err.Error(), "apt-get install libnowhere-dev") {
		t.Errorf("%v", err)
	}
}

func TestAProgramThatDoesNotCompileIsAnErrorWithWhatTheCompilerSays(t *testing.T) {
	if _, err := exec.LookPath("cc"); err != nil {
		t.Skip("there is no C compiler")
	}

	dir := t.TempDir()
	if err := Unpack(dir); err != nil {
		t.Fatal(err)
	}
	programs["broken"] = program{file: "roudi.toml"}
	defer delete(programs, "broken")
	_, err := Build(t.Context(), dir, "broken")
	var m *Missing
	if err == nil || errors.As(err, &m) || !strings.Contains(err.Error(), "roudi.toml") {
		t.Errorf("%v", err)
	}
}
