// Package native is the processes of the benchmark that are written in C and C++: their sources, and how they are compiled. They are
// what package peers is in Go; src/side.h has the protocol.
package native

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

//go:embed src
var sources embed.FS

// The programs.
const (
	ZeroMQ  = "zmq"
	NNG     = "nng"
	Iceoryx = "iceoryx"
	Futex   = "futex"  // no bus: two processes that wake each other
	Memcpy  = "memcpy" // no bus: one process that copies
)

// A Missing is why a program cannot be compiled here, and what to do.
type Missing struct{ What, Install string }

// Error says what is missing and how it is installed.
func (m *Missing) Error() string { return fmt.Sprintf("there is no %s here; %s", m.What, m.Install) }

type program struct {
	file   string
	needs  string   // a header
	within []string // where it may be, as patterns; it is on the compiler's own path if there are none
	libs   []string
	debian string
}

var programs = map[string]program{
	ZeroMQ: {file: "zmq.c", needs: "zmq.h", libs: []string{"zmq"}, debian: "libzmq3-dev"},
	NNG:    {file: "nng.c", needs: "nng/nng.h", libs: []string{"nng"}, debian: "libnng-dev"},
	Futex:  {file: "futex.c"},
	Memcpy: {file: "memcpy.c"},
	Iceoryx: {
		file: "iceoryx.cpp", needs: "iceoryx_posh/popo/untyped_publisher.hpp", within: []string{"/usr/include/iceoryx/v2*", "/usr/local/include/iceoryx/v2*"},
		libs: []string{"iceoryx_posh", "iceoryx_hoofs", "iceoryx_platform"}, debian: "libiceoryx-posh-dev",
	},
}

// Unpack writes the sources into a directory.
func Unpack(dir string) error {
	src, err := fs.Sub(sources, "src")
	if err != nil {
		return err
	}
	return os.CopyFS(dir, src)
}

// RouDiConfig is the file for iceoryx's daemon, where Unpack has put it.
func RouDiConfig(dir string) string { return filepath.Join(dir, "roudi.toml") }

// Command is a compiler that has its temporary files in dir: when it is killed, because ctx is done, it leaves them, and what it has started may
// write more.
func Command(ctx context.Context, dir, name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, name, args...)
	c.Env = append(os.Environ(), "TMPDIR="+dir, "GOTMPDIR="+dir)
	c.WaitDelay = 3 * time.Second // what it has started has its standard error
	return c
}

// Build compiles a program in the directory where the sources are and gives its path. If what it needs is not installed, the error is a
// *Missing; if it does not compile, it has the compiler's first line.
func Build(ctx context.Context, dir, name string) (string, error) {
	p, ok := programs[name]
	if !ok {
		return "", fmt.Errorf("there is no program %q in C", name)
	}
	compiler, args, debian := "cc", []string{"-std=gnu11"}, "gcc libc6-dev"
	if strings.HasSuffix(p.file, ".cpp") {
		compiler, args, debian = "c++", []string{"-std=c++17"}, "g++"
	}
	if _, err := exec.LookPath(compiler); err != nil {
		return "", &Missing{"compiler (" + compiler + ")", "apt-get install " + debian}
	}
	args = append(args, "-O2", "-w") // a warning would come before the error that counts
	for _, w := range p.within {
		found, _ := filepath.Glob(w)
		for _, f := range found {
			args = append(args, "-isystem", f)
		}
	}
	if p.needs != "" {
		language := map[string]string{"cc": "c", "c++": "c++"}[compiler]
		test := Command(ctx, dir, compiler, append(slices.Clone(args), "-E", "-o", os.DevNull, "-x", language, "-")...)
		test.Stdin = strings.NewReader("#include <" + p.needs + ">\n")
		if test.Run() != nil {
			return "", errors.Join(ctx.Err(), &Missing{"header " + p.needs, "apt-get install " + p.debian})
		}
	}
	args = append(args, "-o", name, p.file)
	for _, l := range p.libs {
		args = append(args, "-l"+l)
	}
	c := Command(ctx, dir, compiler, args...)
	c.Dir = dir
	if said, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", compiler, p.file, err, firstLine(said, dir))
	}
	return filepath.Join(dir, name), nil
}

// firstLine is the first of a compiler, or of a linker, that says what is wrong, and not where the next one is or what might be wrong too. Paths in dir,
// which is another one each time, are left out.
func firstLine(said []byte, dir string) string {
	first := "it says nothing"
	for line := range strings.Lines(strings.ReplaceAll(string(said), dir+"/", "")) {
		switch line = strings.TrimSpace(line); {
		case strings.Contains(line, "error:"), strings.Contains(line, "undefined reference"), strings.Contains(line, "cannot find"):
			return line
		case first == "it says nothing" && line != "" && !strings.ContainsAny(line[len(line)-1:], ":,"):
			first = line
		}
	}
	return first
}
