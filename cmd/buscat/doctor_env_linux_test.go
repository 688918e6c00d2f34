package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"shmbus/bus"
	"shmbus/internal/testproc"
)

// mountTmpfs mounts a tmpfs, and skips the test where that cannot be done.
func mountTmpfs(t *testing.T, options string) string {
	t.Helper()
	dir := filepath.Join(filepath.Dir(doctorDir(t)), "fs") // one below: over the directory itself, a mount would hide that somebody holds it
	noFault(t, os.Mkdir(dir, 0o755))
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("a tmpfs cannot be mounted here, which needs root: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

// allChecks is what doctor --json finds, all of it.
func allChecks(t *testing.T, code int, dir string) string {
	t.Helper()
	out, _ := buscatEnds(t, code, dir, "doctor", "--json")
	var names []string
	for line := range strings.Lines(out) {
		if _, check, ok := strings.Cut(line, `"check": "`); ok {
			names = append(names, strings.TrimRight(check, "\",\n"))
		}
	}
	return strings.Join(names, " ")
}

func TestDoctorMeasuresTheFileSystem(t *testing.T) {
	for _, c := range []struct {
		options string
		topics  int
		code    int
		want    string
	}{
		{"size=64m", 1, exitOK, "small-shm"},
		{"size=6m", 1, exitOK, "small-shm nearly-full"},
		{"size=3m", 2, exitError, "full small-shm"},
		{"size=100m,nr_inodes=6", 1, exitError, "no-inodes"},
		{"size=300m", 1, exitOK, ""},
		{"size=300m", 0, exitOK, "no-bus"},
		{"size=512k", 0, exitError, "full small-shm no-bus"},
	} {
		t.Run(c.options, func(t *testing.T) {
			dir := filepath.Join(mountTmpfs(t, c.options), "bus")
			for i := range c.topics {
				buscatEnds(t, exitOK, dir, "create", fmt.Sprint("t", i))
			}
			if got := allChecks(t, c.code, dir); got != c.want {
				t.Errorf("the doctor found %q, want %q", got, c.want)
			}
		})
	}
}

func TestFileSystemsAreToldApart(t *testing.T) {
	topic := topicSize()
	if topic < 1<<20 || topic > 2<<20 {
		t.Errorf("a topic of the default size takes %d bytes", topic)
	}
	for name, c := range map[string]struct {
		sp   fileSpace
		err  error
		want string
	}{
		"tmpfs":         {fileSpace{magic: unix.TMPFS_MAGIC, total: 1 << 30, free: 1 << 29, files: 100, left: 50}, nil, ""},
		"without limit": {fileSpace{magic: unix.TMPFS_MAGIC}, nil, ""},
		"overlay":       {fileSpace{magic: unix.OVERLAYFS_SUPER_MAGIC, total: 1 << 40, free: 1 << 40}, nil, "warning overlay"},
		"disk":          {fileSpace{magic: unix.EXT4_SUPER_MAGIC, total: 1 << 40, free: 1 << 40}, nil, "info on-disk"},
		"full disk":     {fileSpace{magic: unix.XFS_SUPER_MAGIC, total: 1 << 40, free: topic - 1}, nil, "info on-disk\nwrong full"},
		"no answer":     {fileSpace{}, fs.ErrPermission, "warning no-access"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &surroundings{dir: t.TempDir(), space: func(string) (fileSpace, error) { return c.sp, c.err }}
			wantFound(t, s.examineSpace(), c.want)
		})
	}
}

// wantFound compares findings with "grade check", one a line.
func wantFound(t *testing.T, all []bus.Finding, want string) {
	t.Helper()
	var js []findingJSON
	for _, f := range all {
		if f.Todo == "" || f.Text == "" {
			t.Errorf("a finding does not say everything: %+v", f)
		}
		js = append(js, newFindingJSON(f))
	}
	if got := strings.TrimSpace(checkList(js)); got != want {
		t.Errorf("found\n%s\nwant\n%s\nin full %+v", got, want, all)
	}
}

func TestDoctorLooksAtModes(t *testing.T) {
	for _, c := range []struct {
		file string
		mode fs.FileMode
		code int
		want string
	}{
		{"", 0o750, exitOK, ""},
		{"", 0o777, exitOK, "warning open-directory\nwarning lease-mode"},
		{"", fs.ModeSticky | 0o777, exitOK, "warning lease-mode"}, // of bus.lock, which was made for its owner
		{"main.seg", 0o660, exitOK, "warning lease-mode\nwarning open-file"},
		{"main.seg", 0o644, exitOK, ""},
		{"main.lease", 0o644, exitOK, "warning open-lease"},
		{"main.lease", 0o400, exitError, "wrong file-mode"},
		{"bus.lock", 0o606, exitOK, "warning open-lease"},
		{"main.bell", 0o666, exitOK, ""}, // taps that are woken
	} {
		t.Run(fmt.Sprintf("%s %v", c.file, c.mode), func(t *testing.T) {
			dir := doctorDir(t)
			buscatEnds(t, exitOK, dir, "create", "t")
			noFault(t, os.Chmod(filepath.Join(dir, c.file), c.mode))
			want := c.want
			if c.mode == 0o400 && os.Geteuid() != 0 { // root may write to it all the same
				want += "\ninfo read-only"
			}
			out, _ := buscatEnds(t, c.code, dir, "doctor", "--json")
			if got := strings.TrimSpace(checkList(decodeFindings(t, out))); got != want {
				t.Errorf("the doctor found\n%s\nwant\n%s\n%s", got, want, out)
			}
		})
	}
}

func TestABusThatLetsAGroupOrAllInIsSound(t *testing.T) {
	for mode, want := range map[fs.FileMode]string{
		0o700: "", 0o750: "", 0o770: "", 0o755: "", 0o777: "warning open-directory", fs.ModeSticky | 0o777: "", fs.ModeSetgid | 0o770: "",
	} {
		dir := doctorDir(t)
		b := openDoctorBus(t, dir, bus.WithMode(mode))
		noFault(t, b.CreateTopic("t", gripLossless))
		out, _ := buscatEnds(t, exitOK, dir, "doctor", "--json")
		if got := strings.TrimSpace(checkList(decodeFindings(t, out))); got != want {
			t.Errorf("mode %v: the doctor found\n%s", mode, out)
		}
	}
}

// asNobody runs buscat as a user who owns nothing.
func asNobody(t *testing.T, code int, dir string, args ...string) (stdout, stderr string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to run buscat as another user")
	}
	path, err := exec.LookPath("buscat")
	noFault(t, err)
	data, err := os.ReadFile(path)
	noFault(t, err)
	where, err := os.MkdirTemp("", "buscat-visible-")
	noFault(t, err)
	t.Cleanup(func() { os.RemoveAll(where) })
	noFault(t, os.Chmod(where, 0o755))
	path = filepath.Join(where, "buscat")
	noFault(t, os.WriteFile(path, data, 0o755))
	c := exec.Command(path, append([]string{"--bus", dir}, args...)...)
	c.Dir = where
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: testproc.Nobody, Gid: testproc.Nobody}}
	return commandEnds(t, code, c)
}

func TestDoctorOfAnotherUserSaysWhatItMayNotDo(t *testing.T) {
	dir := doctorDir(t)
	b := openDoctorBus(t, dir, bus.WithMode(0o755))
	noFault(t, b.CreateTopic("t", gripLossless))
	startGrip(t, dir, nil, "claim", "t").kill()
	out, _ := asNobody(t, exitOK, dir, "doctor", "--json")
	wantChecks(t, decodeFindings(t, out), "holds claim t", "info read-only")
	before := busHash(t, dir)
	if _, said := asNobody(t, exitError, dir, "doctor", "--fix"); !strings.Contains(said, "cannot be told") {
		t.Errorf("--fix without permission to write says %s", said)
	}
	if after := busHash(t, dir); after != before {
		t.Error("--fix has changed what it may not write")
	}
	noFault(t, os.Chmod(filepath.Join(dir, "main.seg"), 0o600))
	out, _ = asNobody(t, exitOK, dir, "doctor", "--json")
	wantChecks(t, decodeFindings(t, out), "warning no-access")
	noFault(t, os.Chmod(dir, 0o700))
	if _, said := asNobody(t, exitError, dir, "doctor"); !strings.Contains(said, "permission denied") {
		t.Errorf("without any permission it says %s", said)
	}
}

func TestDoctorFindsFilesOfAnotherOwner(t *testing.T) {
	dir := doctorDir(t)
	buscatEnds(t, exitOK, dir, "create", "t")
	if err := os.Chown(dir, testproc.Nobody, testproc.Nobody); err != nil {
		t.Skipf("needs root, to give a directory to another user: %v", err)
	}
	all := diagnose(t, exitError, dir) // as root made them in a directory of somebody else
	wantChecks(t, all, "wrong foreign-owner", "wrong foreign-owner", "wrong foreign-owner", "wrong foreign-owner")
	if !strings.Contains(all[0].Todo, "chown 65534 bus.lock") {
		t.Errorf("it is to be done: %s", all[0].Todo)
	}
	for _, f := range []string{"main.seg", "main.bell", "main.lease", "bus.lock"} {
		noFault(t, os.Chmod(filepath.Join(dir, f), 0o666))
	}
	if got := checkList(diagnose(t, exitOK, dir)); strings.Count(got, "warning foreign-owner") != 4 {
		t.Errorf("the doctor found %s", got)
	}
}

// The directory that a user's bus has by default, made by somebody else.
func TestDoctorFindsADefaultDirectoryOfSomebodyElse(t *testing.T) {
	dir := fmt.Sprintf("/dev/shm/shmbus-%d", testproc.Nobody)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Skipf("the directory that the test needs cannot be made: %v", err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	out, _ := asNobody(t, exitError, dir, "doctor", "--json")
	wantChecks(t, decodeFindings(t, out), "wrong foreign-directory")
}

func TestPathsWithLinksAreFollowedAsFarAsTheyAreThere(t *testing.T) {
	real, err := filepath.EvalSymlinks(t.TempDir())
	noFault(t, err)
	link := filepath.Join(real, "link")
	noFault(t, os.Mkdir(filepath.Join(real, "a"), 0o700))
	noFault(t, os.Symlink("a", link))
	for path, want := range map[string]string{link: "a", filepath.Join(link, "bus", "x"): "a/bus/x", real: "", filepath.Join(real, "b"): "b"} {
		if got := realPath(path); got != filepath.Join(real, want) {
			t.Errorf("%s is %s", path, got)
		}
	}
	if got := printable("a\x1b[31m"); strings.Contains(got, "\x1b") || printable("grip") != "grip" {
		t.Errorf("a name with an escape sequence is shown as %q", got)
	}
}

// unshared starts a grip within other namespaces, where setup has been run by the shell; it is skipped where that cannot be done.
func unshared(t *testing.T, dir, flags, setup, kind, topic string) *gripping {
	t.Helper()
	wrap := []string{"unshare"}
	wrap = append(append(wrap, strings.Fields(flags)...), "sh", "-ec", setup+`
exec "$@"`, "sh")
	h, err := tryGrip(t, dir, wrap, kind, topic)
	if err == nil {
		return h
	}
	if errors.Is(err, exec.ErrNotFound) || strings.Contains(err.Error(), "unshare") || os.Geteuid() != 0 {
		t.Skipf("there are no namespaces to be had here, which needs root and unshare(1): %v", err)
	}
	t.Fatal(err)
	return nil
}

func TestDoctorFindsContainersThatSeeAnotherDirectory(t *testing.T) {
	dir := doctorDir(t)
	buscatEnds(t, exitOK, dir, "create", "t")
	h := unshared(t, dir, "-m", "mount -t tmpfs none '"+filepath.Dir(dir)+"'", "claim", "t")
	all := diagnose(t, exitOK, dir)
	wantChecks(t, all, "warning mounts-differ")
	if all[0].Pid != h.Process.Pid {
		t.Errorf("it is told of as %+v", all[0])
	}
	h.kill()
	wantChecks(t, diagnose(t, exitOK, dir))
	// The same directory, in another mount namespace, is fine.
	h = unshared(t, dir, "-m", "true", "join", "t")
	wantChecks(t, diagnose(t, exitOK, dir))
	h.kill()
	// A participant that uses this bus by another path is worth knowing.
	other := t.TempDir()
	h = unshared(t, other, "-m", fmt.Sprintf("mount --bind '%s' '%s'; mount -t tmpfs none '%s'", dir, other, filepath.Dir(dir)), "join", "u")
	wantChecks(t, diagnose(t, exitOK, dir), "info mounts-differ")
	h.kill()
}

func TestDoctorKnowsPidsOfOtherContainers(t *testing.T) {
	dir := doctorDir(t)
	h := unshared(t, dir, "-p -f --kill-child", "true", "join", "t")
	all := diagnose(t, exitOK, dir)
	wantChecks(t, all, "info pid-namespace")
	if !strings.Contains(all[0].Text, "process 1,") {
		t.Errorf("it is told of as %+v", all[0])
	}
	h.kill()
}
