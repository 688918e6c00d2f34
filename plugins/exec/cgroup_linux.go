package exec

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"shmbus/plugins"
)

// A cgroup is a control group (version 2) of the plugin's own, beside the one that the runner is in. There is one where the group above
// both has been delegated, as systemd does it for a unit with Delegate=memory and DelegateSubgroup=busd. Its processes can be killed all at
// once, however quickly they have children. A nil *cgroup is none.
type cgroup struct {
	dir     string
	file    *os.File // dir, for processes to be started in
	limited bool     // the kernel keeps to the limit of memory
}

// newCgroup makes the plugin's cgroup, for one life: Linux 6.18 kills what is started in a group in which cgroup.kill was ever used. If there
// is one of an earlier runner, what is in it is killed.
func newCgroup(spec *plugins.Spec) (*cgroup, error) {
	above := delegated()
	if above == "" {
		return nil, nil
	}
	place := fnv.New32a()
	place.Write([]byte(spec.Place))
	c := &cgroup{dir: filepath.Join(above, fmt.Sprintf("shmbus-%s-%08x", spec.Name, place.Sum32()))}
	err := os.Mkdir(c.dir, 0o755)
	if errors.Is(err, os.ErrExist) {
		c.kill()
		c.remove()
		err = os.Mkdir(c.dir, 0o755)
	}
	if err != nil {
		return nil, err
	}
	if c.file, err = os.Open(c.dir); err != nil {
		return nil, err
	}
	if spec.Limits.Memory > 0 {
		// If that fails the controller is not to be had, and the next line says so.
		_ = os.WriteFile(filepath.Join(above, "cgroup.subtree_control"), []byte("+memory"), 0)
		c.limited = c.limit(int64(spec.Limits.Memory)) == nil
	}
	return c, nil
}

// limit limits the memory of all processes together, which are killed together.
func (c *cgroup) limit(size int64) error {
	err := c.set("memory.max", strconv.FormatInt(size, 10))
	if err == nil {
		_ = c.set("memory.swap.max", "0") // not there where there is no swap
		_ = c.set("memory.oom.group", "1")
	}
	return err
}

// set writes a file of the group's, which has to be there.
func (c *cgroup) set(name, value string) error {
	f, err := os.OpenFile(filepath.Join(c.dir, name), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(value)
	return err
}

// kill kills all processes in the group.
func (c *cgroup) kill() {
	if c != nil {
		_ = c.set("cgroup.kill", "1") // Linux 5.14; otherwise they are killed one by one
	}
}

// outOfMemory is how many processes were killed for want of memory.
func (c *cgroup) outOfMemory() int {
	b, _ := os.ReadFile(filepath.Join(c.dir, "memory.events"))
	for line := range bytes.Lines(b) {
		if n, ok := bytes.CutPrefix(line, []byte("oom_kill ")); ok {
			kills, _ := strconv.Atoi(strings.TrimSpace(string(n)))
			return kills
		}
	}
	return 0
}

// close removes the group, in which nobody is any more.
func (c *cgroup) close() {
	if c == nil {
		return
	}
	c.file.Close()
	c.remove()
}

func (c *cgroup) remove() {
	for end := time.Now().Add(time.Second); unix.Rmdir(c.dir) == unix.EBUSY && time.Now().Before(end); {
		time.Sleep(glance) // the kernel takes a process out of its group a little after its end
	}
}

// delegated is the directory of the control group above that of this process, if it was delegated; "" if not.
func delegated() string {
	own, root, mount := "", "", ""
	b, _ := os.ReadFile("/proc/self/cgroup")
	for line := range strings.Lines(string(b)) {
		if path, ok := strings.CutPrefix(line, "0::"); ok {
			own = strings.TrimSpace(path)
		}
	}
	b, _ = os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(b)) {
		before, after, _ := strings.Cut(line, " - ")
		f := strings.Fields(before)
		if len(f) > 4 && strings.HasPrefix(after, "cgroup2 ") {
			root, mount = f[3], f[4]
		}
	}
	below, ok := strings.CutPrefix(own, strings.TrimSuffix(root, "/"))
	if mount == "" || !ok || below == "" || below == "/" {
		return ""
	}
	above := filepath.Dir(filepath.Join(mount, below))
	for _, name := range []string{"user.delegate", "trusted.delegate"} { // systemd sets them
		var v [2]byte
		if n, err := unix.Getxattr(above, name, v[:]); err == nil && string(v[:n]) == "1" {
			return above
		}
	}
	return ""
}
