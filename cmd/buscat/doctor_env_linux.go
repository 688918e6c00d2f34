package main

import (
	"errors"
	"io/fs"
	"os"
	"os/user"
	"strconv"

	"shmbus/bus"
)

// surroundings is where the doctor looks at what is around a bus. Tests put other places there.
type surroundings struct {
	dir     string // of the bus, without symbolic links
	people  []bus.Participant
	proc    string   // /proc
	shm     string   // /dev/shm
	systemd []string // where logind.conf and logind.conf.d are, the last wins
	running string   // is there if systemd runs this machine
	linger  string   // has a file for each user who lingers
	user    func(uid int) string
	space   func(path string) (fileSpace, error)
}

// around looks at everything around the bus in dir.
func around(dir string, people []bus.Participant) []bus.Finding {
	s := &surroundings{
		dir: realPath(dir), people: people, proc: "/proc", shm: "/dev/shm",
		systemd: []string{"/usr/lib/systemd", "/usr/local/lib/systemd", "/run/systemd", "/etc/systemd"},
		running: "/run/systemd/system", linger: "/var/lib/systemd/linger", user: userName, space: spaceOf,
	}
	return s.examine()
}

func (s *surroundings) examine() []bus.Finding {
	var all []bus.Finding
	_, err := os.Stat(s.dir)
	there := err == nil
	if errors.Is(err, fs.ErrNotExist) {
		all = append(all, bus.Finding{
			Grade: bus.Info, Check: "no-bus", Text: "there is no directory " + s.dir + " yet", Todo: "the first topic makes it; is it the bus that is meant?",
		})
	}
	all = append(all, s.examineSpace()...)
	if there {
		all = append(all, s.examineAccess()...)
		all = append(all, s.examineLogind()...)
	}
	return append(all, s.examineProcesses()...)
}

func userName(uid int) string {
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return ""
	}
	return u.Username
}

func warnOf(check, text, todo string) bus.Finding {
	return bus.Finding{Grade: bus.Warning, Check: check, Text: text, Todo: todo}
}

func wrongOf(check, text, todo string) bus.Finding {
	return bus.Finding{Grade: bus.Wrong, Check: check, Text: text, Todo: todo}
}

func infoOf(check, text, todo string) bus.Finding {
	return bus.Finding{Grade: bus.Info, Check: check, Text: text, Todo: todo}
}
