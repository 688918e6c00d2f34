package native

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
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

func TestAProgramThatDoesNotCompileIsAnErrorWithTheFirstLineThatTheCompilerSays(t *testing.T) {
	if _, err := exec.LookPath("cc"); err != nil {
		t.Skip("there is no C compiler")
	}
	dir := t.TempDir()
	source := "#include \"broken.h\"\nint main(void) { nobody_knows(); return not_there; }\n"
	for name, text := range map[string]string{"broken.c": source, "broken.h": "struct twice { int a; int a; };\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	programs["broken"] = program{file: "broken.c"}
	defer delete(programs, "broken")
	_, err := Build(t.Context(), dir, "broken")
	var m *Missing
	if err == nil || errors.As(err, &m) || !strings.Contains(err.Error(), ": broken.h:1:") || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v", err)
	}
}

func TestTheLineThatCountsOfWhatACompilerSaysIsFound(t *testing.T) {
	for said, want := range map[string]string{
		"": "it says nothing",
		"In file included from a.c:1:\na.c: In function 'f':\na.c:2:3: error: no g\na.c:3:3: error: no h\n": "a.c:2:3: error: no g",
		"/usr/bin/ld: warning: x\n/usr/bin/ld: /tmp/lab-1/b.o: undefined reference to `g'\n":                "/usr/bin/ld: b.o: undefined reference to `g'",
		"cc: out of memory\nmore\n": "cc: out of memory",
	} {
		if got := firstLine([]byte(said), "/tmp/lab-1"); got != want {
			t.Errorf("%q: %q, want %q", said, got, want)
		}
	}
}
