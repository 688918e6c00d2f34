package exec

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

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
	if name == "" {
		return &user{uid: uint32(os.Geteuid())}, nil
	}
	bad := func(format string, args ...any) (*user, error) {
		return nil, &plugins.KeyError{Key: "user", Err: fmt.Errorf("%q: "+format, append([]any{name}, args...)...)}
	}
	if os.Geteuid() != 0 {
		return bad("only root can run a plugin as another user; start busd as root, or leave user out")
	}
	u, err := plugins.LookUpUser(name)
	if err != nil {
		return nil, err
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
	return &user{
		name: u.Username, uid: ids[0],
		credential: &syscall.Credential{Uid: ids[0], Gid: ids[1], Groups: ids[2:]},
		env:        map[string]string{"USER": u.Username, "LOGNAME": u.Username, "HOME": u.HomeDir},
	}, nil
}

// cannotReach is the first directory on the way to path that keeps the user out; "" if there is none.
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
		if s.Mode&need == 0 {
			return dir
		}
	}
	return ""
}
