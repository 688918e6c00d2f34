package objcode

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"shmbus/internal/testproc"
)

// A Func is a function's object code.
type Func struct {
	Name  string // as the linker knows it, with the package's path
	Insts []Inst
}

// Build compiles a package of this module for Linux on arm64 and returns its functions by name, without the package's path. It skips the
// test where there is no go command.
func Build(t testing.TB, pkg string) map[string]*Func {
	t.Helper()
	if len(testproc.Runner()) > 0 {
		t.Skip("object code is looked at where the tests are compiled, not under an emulator")
	}
	tool, err := exec.LookPath("go")
	if err != nil {
		t.Skipf("no go command to compile with: %v", err)
	}
	archive := filepath.Join(t.TempDir(), "package.a")
	build := exec.Command(tool, "build", "-o", archive, pkg)
	// v8.0, the default, has both ways to compare and swap, and chooses at run time.
	build.Env = append(build.Environ(), "GOOS=linux", "GOARCH=arm64", "GOARM64=v8.0", "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	out, err := exec.Command(tool, "tool", "objdump", archive).Output()
	if err != nil {
		t.Fatalf("go tool objdump: %v", err)
	}
	all, err := parse(string(out))
	if err != nil {
		t.Fatal(err)
	}
	short := make(map[string]*Func)
	for name, f := range all {
		if n, ok := strings.CutPrefix(name, pkg+"."); ok {
			short[n] = f
		}
	}
	if len(short) == 0 {
		t.Fatalf("no functions of %s in what objdump says", pkg)
	}
	return short
}

// parse reads what objdump prints:
//
//	TEXT package.name(SB) file
//	  file.go:12   0x1234   c89ffcff   STLR ZR, (R7)   [0:4]R_CALLARM64:callee
func parse(dump string) (map[string]*Func, error) {
	all := make(map[string]*Func)
	var f *Func
	for line := range strings.Lines(dump) {
		fields := strings.Fields(line)
		switch {
		case len(fields) >= 2 && fields[0] == "TEXT":
			f = &Func{Name: strings.TrimSuffix(fields[1], "(SB)")}
			all[f.Name] = f
			continue
		case len(fields) < 3:
			continue
		case f == nil:
			return nil, fmt.Errorf("objdump: an instruction outside of a function: %q", line)
		}
		w, err := strconv.ParseUint(fields[2], 16, 32)
		if err != nil {
			return nil, fmt.Errorf("objdump: %q: %w", line, err)
		}
		in := Inst{Source: fields[0], Word: uint32(w), Class: classOf(uint32(w))}
		if _, callee, ok := strings.Cut(fields[len(fields)-1], "R_CALLARM64:"); ok {
			in.Callee, _, _ = strings.Cut(callee, "<")
		}
		f.Insts = append(f.Insts, in)
	}
	return all, nil
}
