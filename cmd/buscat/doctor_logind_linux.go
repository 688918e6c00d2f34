package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"shmbus/bus"
)

// systemUsers is the highest id that systemd takes for a system user's, unless it was built otherwise.
const systemUsers = 999

// nobodyUID is the user of those that have none; logind counts it among system users.
const nobodyUID = 65534

// examineLogind finds out whether logind removes the bus when its owner's last session ends: it does so with all files in /dev/shm of users
// who are no system users and do not linger, unless it is told not to.
func (s *surroundings) examineLogind() []bus.Finding {
	if rel, err := filepath.Rel(s.shm, s.dir); err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
		return nil
	}
	d, ok := statFile(s.dir)
	if _, err := os.Stat(s.running); err != nil || !ok || d.uid <= systemUsers || d.uid == nobodyUID {
		return nil
	}
	on, said := s.removeIPC()
	if !on {
		return nil
	}
	name := s.user(int(d.uid))
	if name != "" {
		if _, err := os.Stat(filepath.Join(s.linger, name)); err == nil {
			return nil
		}
	} else {
		name = fmt.Sprint(d.uid)
	}
	return []bus.Finding{warnOf("remove-ipc",
		fmt.Sprintf("logind removes the files of user %s in %s when that user's last session ends (RemoveIPC, %s)", name, s.shm, said),
		fmt.Sprintf("loginctl enable-linger %s, or RemoveIPC=no in /etc/systemd/logind.conf, or a directory under /run", name))}
}

// removeIPC is what logind is told, and by which file.
func (s *surroundings) removeIPC() (on bool, said string) {
	on, said = true, "by default"
	read := func(path string) {
		if v, ok := logindOption(path, "RemoveIPC"); ok {
			on, said = !slices.Contains([]string{"no", "n", "false", "f", "off", "0"}, strings.ToLower(v)), "as "+path+" says"
		}
	}
	for _, dir := range s.systemd {
		read(filepath.Join(dir, "logind.conf"))
	}
	// Drop-ins come after all main files, in the order of their names; of two with one name that in the later directory counts.
	parts := map[string]string{}
	for _, dir := range s.systemd {
		found, _ := filepath.Glob(filepath.Join(dir, "logind.conf.d", "*.conf"))
		for _, path := range found {
			parts[filepath.Base(path)] = path
		}
	}
	names := make([]string, 0, len(parts))
	for name := range parts {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		read(parts[name])
	}
	return on, said
}

// logindOption is an option's value in the [Login] section of a file; the last counts.
func logindOption(path, option string) (value string, ok bool) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", false
	}
	login := false
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			login = line == "[Login]"
			continue
		}
		k, v, found := strings.Cut(line, "=")
		if login && found && strings.TrimSpace(k) == option {
			value, ok = strings.TrimSpace(v), true
		}
	}
	return value, ok
}
