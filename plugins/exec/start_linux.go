package exec

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"shmbus/plugins"
)

// A starter starts processes from one thread that does nothing else and goes on as long as this process: a plugin is killed by the kernel
// when the thread that has started it ends, and inherits the thread's niceness.
type starter chan func()

func newStarter() starter {
	s := make(starter)
	go func() {
		runtime.LockOSThread() // and never unlocked
		for f := range s {
			f()
		}
	}()
	return s
}

// do runs f on the thread.
func (s starter) do(f func()) {
	done := make(chan struct{})
	s <- func() { defer close(done); f() }
	<-done
}

// A program is what is to be run.
type program struct {
	path string
	argv []string
	file *os.File // the executable itself, if its checksum is pinned: nothing else is run in its place
}

func (p *program) close() {
	if p.file != nil {
		p.file.Close()
	}
}

// program finds the executable, and checks it if its checksum is pinned.
func findProgram(spec *plugins.Spec) (*program, error) {
	if spec.Builtin != "" {
		self, err := os.Executable()
		return &program{path: self, argv: []string{self, "builtin", spec.Builtin}}, err
	}
	argv := spec.Command
	if spec.Executable != "" {
		argv = []string{spec.Executable}
	}
	p := &program{path: argv[0], argv: argv}
	switch {
	case !strings.Contains(p.path, "/"):
		found, err := spec.LookUp()
		if err != nil {
			return nil, err
		}
		p.path = found
	case !filepath.IsAbs(p.path):
		p.path = filepath.Join(spec.Dir, p.path)
	}
	info, err := os.Stat(p.path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no file that can be run", p.path)
	case info.Mode()&0o111 == 0:
		return nil, fmt.Errorf("%s may not be run (%w): chmod +x", p.path, fs.ErrPermission)
	}
	if spec.SHA256 == "" {
		return p, nil
	}
	if p.file, err = os.Open(p.path); err != nil {
		return nil, err
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, p.file); err != nil {
		p.close()
		return nil, err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); !strings.EqualFold(got, spec.SHA256) {
		p.close()
		return nil, fmt.Errorf("%s is not the executable that the manifest has the checksum of: sha256 %s, want %s", p.path, got, spec.SHA256)
	}
	return p, nil
}

// start starts the plugin with these ends of its pipes. There may be a process although there is an error.
func (r *runner) start(p *program, id *user, out, errs int) (m mainProcess, err error) {
	m.exited = true
	null, err := os.Open(os.DevNull)
	if err != nil {
		return m, err
	}
	defer null.Close()
	if err := r.spec.CheckDir(); err != nil {
		return m, err
	}
	attr := &syscall.ProcAttr{
		Dir:   r.spec.Dir,
		Env:   environment(os.Environ(), r.spec, id.env),
		Files: []uintptr{null.Fd(), uintptr(out), uintptr(errs)},
		Sys:   &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, Credential: id.credential, PidFD: &m.handle},
	}
	if r.cgroup != nil {
		attr.Sys.UseCgroupFD, attr.Sys.CgroupFD = true, int(r.cgroup.file.Fd())
	}
	path := p.path
	if p.file != nil {
		path = fmt.Sprintf("/proc/self/fd/%d", len(attr.Files))
		attr.Files = append(attr.Files, p.file.Fd()) // it stays open in the plugin: an interpreter opens a script by that path
	}
	r.starter.do(func() {
		if nice := r.spec.Limits.Nice; nice != 0 {
			if err = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), nice); err != nil {
				err = fmt.Errorf("nice = %d: %w", nice, err)
				return
			}
		}
		m.pid, err = syscall.ForkExec(path, p.argv, attr)
	})
	if err != nil {
		return m, fmt.Errorf("start %s: %w%s", p.path, err, whyNot(p.path, r.spec.Dir, id, err))
	}
	m.exited = false
	if n := uint64(r.spec.Limits.Files); n != 0 {
		// The program has begun by now. But a limit counts when a file is opened, not before, and to have a child by now, which would
		// not have the limit, it would need more time than it had.
		if err := unix.Prlimit(m.pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: n, Max: n}, nil); err != nil {
			return m, fmt.Errorf("limits.files = %d: %w", n, err)
		}
	}
	return m, nil
}

// whyNot says what the kernel's word for why a program that is there could not be started may mean.
func whyNot(path, dir string, id *user, err error) string {
	asks, script := interpreter(path)
	switch {
	case errors.Is(err, unix.ENOEXEC) && !script:
		return ": it is no program for this machine, and no script, whose first line would be one like #!/bin/sh"
	case errors.Is(err, unix.ENOENT) && script:
		return fmt.Sprintf(": its first line asks for %q", asks)
	case errors.Is(err, unix.EACCES):
		if why := id.keptFrom(dir, path); why != "" {
			return "; " + why
		}
	}
	return ""
}

// interpreter is what the first line of a script says that it is for.
func interpreter(path string) (asks string, script bool) {
	f, err := os.Open(path)
	if err != nil {
		return "", false
	}
	defer f.Close()
	b := make([]byte, 256) // as much as the kernel looks at
	n, _ := io.ReadFull(f, b)
	line, _, _ := strings.Cut(string(b[:n]), "\n")
	asks, script = strings.CutPrefix(line, "#!")
	return strings.Trim(asks, " \t"), script
}
