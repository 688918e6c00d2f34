package main

import (
	"os"
	"path/filepath"
	"testing"
)

// What logind is told, in files put where a test has them.
func TestDoctorKnowsWhenLogindRemovesTheBus(t *testing.T) {
	for name, c := range map[string]struct {
		files  map[string]string
		uid    int
		linger bool
		user   string
		want   string
	}{
		"by default":            {uid: 1000, user: "ada", want: "warning remove-ipc"},
		"a user without a name": {uid: 1234, want: "warning remove-ipc"},
		"a system user":         {uid: 999, user: "svc"},
		"root":                  {uid: 0, user: "root"},
		"who lingers":           {uid: 1000, user: "ada", linger: true},
		"told not to":           {uid: 1000, user: "ada", files: map[string]string{"etc/logind.conf": "[Login]\nRemoveIPC=no\n"}},
		"told to": {
			uid: 1000, user: "ada", files: map[string]string{"etc/logind.conf": "[Login]\n  RemoveIPC = yes"}, want: "warning remove-ipc",
		},
		"a comment": {
			uid: 1000, user: "ada", files: map[string]string{"etc/logind.conf": "[Login]\n#RemoveIPC=no\n"}, want: "warning remove-ipc",
		},
		"another section": {
			uid: 1000, user: "ada", files: map[string]string{"etc/logind.conf": "[Other]\nRemoveIPC=no\n"}, want: "warning remove-ipc",
		},
		"a drop-in wins": {
			uid: 1000, user: "ada",
			files: map[string]string{"etc/logind.conf": "[Login]\nRemoveIPC=yes", "usr/logind.conf.d/50-x.conf": "[Login]\nRemoveIPC=off"},
		},
		"the later of two drop-ins wins": {
			uid: 1000, user: "ada", want: "warning remove-ipc",
			files: map[string]string{"etc/logind.conf.d/10-a.conf": "[Login]\nRemoveIPC=no", "usr/logind.conf.d/50-x.conf": "[Login]\nRemoveIPC=1"},
		},
		"one in etc stands for one of its name": {
			uid: 1000, user: "ada",
			files: map[string]string{"usr/logind.conf.d/a.conf": "[Login]\nRemoveIPC=yes", "etc/logind.conf.d/a.conf": "[Login]\nRemoveIPC=no"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			in := func(p string) string { return filepath.Join(root, p) }
			for _, d := range []string{"shm/bus", "running", "linger", "etc/logind.conf.d", "usr/logind.conf.d"} {
				noFault(t, os.MkdirAll(in(d), 0o755))
			}
			for path, text := range c.files {
				noFault(t, os.WriteFile(in(path), []byte(text), 0o644))
			}
			if c.linger {
				noFault(t, os.WriteFile(in("linger/"+c.user), nil, 0o644))
			}
			if err := os.Chown(in("shm/bus"), c.uid, -1); err != nil {
				t.Skipf("needs root, to give a directory to user %d: %v", c.uid, err)
			}
			s := &surroundings{
				dir: in("shm/bus"), shm: in("shm"), running: in("running"), linger: in("linger"),
				systemd: []string{in("usr"), in("etc")}, user: func(int) string { return c.user },
			}
			wantFound(t, s.examineLogind(), c.want)
			s.shm = in("elsewhere")
			wantFound(t, s.examineLogind(), "")
			s.shm, s.running = in("shm"), in("no systemd")
			wantFound(t, s.examineLogind(), "")
		})
	}
}
