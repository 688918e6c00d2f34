package exec

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"shmbus/plugins"
)

// A user is whom the plugin runs as.
type user struct {
	name       string
	uid        uint32
	credential *syscall.Credential // nil: as the runner
	env        map[string]string
}

// findUser finds the user of that name or number; "" is the runner's.
func findUser(name string) (*user, error) {
	u, err := plugins.RunAs(name)
	if err != nil {
		return nil, err
	}
	id := &user{uid: uint32(os.Geteuid())}
	if u != nil {
		id.name, id.env = u.Username, map[string]string{"USER": u.Username, "LOGNAME": u.Username, "HOME": u.HomeDir}
	}
	if u == nil || os.Geteuid() != 0 { // without root it is busd's own, whose groups it has: nobody else may set any
		return id, nil
	}
	bad := func(format string, args ...any) (*user, error) {
		return nil, &plugins.KeyError{Key: "user", Err: fmt.Errorf("%q: "+format, append([]any{name}, args...)...)}
	}
	groups, err := u.GroupIds()
	if err != nil {
		return bad("its groups: %w", err)
	}
	var ids []uint32
	for _, s := range append([]string{u.Uid, u.Gid}, groups...) {
		n, err := strconv.ParseUint(s, 10, 32)
		if err != nil {
			return bad("%q is no number of a user or group", s)
		}
		ids = append(ids, uint32(n))
	}
	id.uid, id.credential = ids[0], &syscall.Credential{Uid: ids[0], Gid: ids[1], Groups: ids[2:]}
	return id, nil
}

// CheckReach says what keeps a plugin's user from its working directory or its program.
func CheckReach(spec *plugins.Spec) error {
	if spec.User == "" {
		return nil
	}
	u, err := findUser(spec.User)
	if err != nil {
		return err
	}
	p, err := findProgram(spec)
	if err != nil {
		return err
	}
	defer p.close()
	to := []string{spec.Dir}
	if p.file == nil { // otherwise the runner opens it
		to = append(to, p.path)
	}
	if why := u.keptFrom(to...); why != "" {
		return &plugins.KeyError{Key: "user", Err: errors.New(why)}
	}
	return nil
}

// keptFrom says what keeps the user from the first of the paths that it cannot reach; "" if there is none.
func (u *user) keptFrom(paths ...string) string {
	for _, to := range paths {
		if at := u.cannotReach(to); at != "" {
			return fmt.Sprintf("user %s may not reach %s, because of %s: give that user x permission there, or set dir", u.name, to, at)
		}
	}
	return ""
}

// cannotReach is the first directory on the way to path whose mode keeps the user out; "" if there is none.
func (u *user) cannotReach(path string) string {
	if u.credential == nil || u.uid == 0 {
		return ""
	}
	var way []string
	for dir := path; ; dir = filepath.Dir(dir) {
		way = append(way, dir)
		if dir == filepath.Dir(dir) {
			break
		}
	}
	slices.Reverse(way)
	for _, dir := range way {
		info, err := os.Stat(dir)
		if err != nil {
			return ""
		}
		s, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			return ""
		}
		need := uint32(0o001)
		switch {
		case s.Uid == u.uid:
			need = 0o100
		case s.Gid == u.credential.Gid || slices.Contains(u.credential.Groups, s.Gid):
			need = 0o010
		}
		if s.Mode&need == 0 && !hasACL(dir) {
			return dir
		}
	}
	return ""
}

// hasACL says whether a file has an access control list, which may let in whom the mode keeps out.
func hasACL(path string) bool {
	n, err := unix.Getxattr(path, aclAttr, nil)
	return err == nil && n > 0
}

const aclAttr = "system.posix_acl_access"
