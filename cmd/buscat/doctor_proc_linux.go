package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"shmbus/bus"
	"shmbus/segment"
)

// A mapper is a process that has files mapped by names in the bus directory.
type mapper struct {
	pid     int
	name    string
	files   []string // that are there
	deleted []string
}

// examineProcesses looks for processes that use something else by the name of this bus: files that were removed, or, in another
// container, another directory.
func (s *surroundings) examineProcesses() []bus.Finding {
	mappers, denied := s.mappers()
	var all []bus.Finding
	told := map[int]bool{}
	for _, m := range mappers {
		if len(m.deleted) > 0 {
			f := warnOf("deleted-mapped", fmt.Sprintf("process %d (%s) still has files open that were removed: %s", m.pid, m.name, strings.Join(m.deleted, ", ")),
				"nobody who comes now sees what it publishes: let it open the bus again, or restart it")
			f.Pid = m.pid
			all = append(all, f)
		}
		if len(m.files) > 0 && s.seesAnother(m.pid) {
			told[m.pid] = true
			f := warnOf("mounts-differ", fmt.Sprintf("process %d (%s) is in another container, where %s is another directory: it does not meet those on this bus",
				m.pid, m.name, s.dir), "share one directory between the containers: docker run -v /dev/shm/mybus:/bus, or --ipc=container:NAME")
			f.Pid = m.pid
			all = append(all, f)
		}
	}
	for _, p := range s.people {
		switch {
		case !p.Here():
			f := infoOf("pid-namespace", fmt.Sprintf("a participant calls itself process %d, and is not to be seen by that number here: it is in another container, or hidden", p.Pid),
				"look for it there; signals to that number would reach somebody else")
			f.Segment = p.Segment
			all = append(all, f)
		case !told[p.Pid] && s.seesAnother(p.Pid):
			told[p.Pid] = true
			f := infoOf("mounts-differ", fmt.Sprintf("process %d uses this bus from another container, by another path than %s", p.Pid, s.dir), "")
			f.Pid = p.Pid
			all = append(all, f)
		}
	}
	if d, ok := statFile(s.dir); ok && denied > 0 && d.mode&0o066 != 0 {
		all = append(all, infoOf("unseen", fmt.Sprintf("processes that may not be looked at: %d", denied), "look as root with CAP_SYS_PTRACE, to see them all"))
	}
	return all
}

// mappers is the processes, other than this one, that have files mapped by names in the bus directory, and how many could not be looked at.
func (s *surroundings) mappers() (all []mapper, denied int) {
	entries, err := os.ReadDir(s.proc)
	if err != nil {
		return nil, 0
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		m := mapper{pid: pid}
		switch err := s.readMaps(&m); {
		case errors.Is(err, fs.ErrPermission):
			denied++
		case err == nil && len(m.files)+len(m.deleted) > 0:
			name, _ := os.ReadFile(filepath.Join(s.proc, e.Name(), "comm"))
			m.name = printable(strings.TrimSpace(string(name)))
			all = append(all, m)
		}
	}
	return all, denied
}

// readMaps finds the files of the bus directory in what a process has mapped. A line has five fields and the path; a newline in a path is
// written as \012.
func (s *surroundings) readMaps(m *mapper) error {
	f, err := os.Open(filepath.Join(s.proc, strconv.Itoa(m.pid), "maps"))
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		_, path, ok := strings.Cut(lines.Text(), "/")
		if !ok {
			continue
		}
		path = strings.ReplaceAll("/"+path, `\012`, "\n")
		path, gone := strings.CutSuffix(path, " (deleted)")
		if filepath.Dir(path) != s.dir || filepath.Ext(path) != ".seg" && filepath.Ext(path) != ".bell" {
			continue
		}
		if segment.CheckName(strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))) != nil {
			continue
		}
		to := &m.files
		if gone {
			to = &m.deleted
		}
		if name := filepath.Base(path); !slices.Contains(*to, name) {
			*to = append(*to, name)
		}
	}
	return lines.Err()
}

// seesAnother says whether a process is in another mount namespace, and finds something else there, or nothing, by the name of the bus
// directory. No answer means no.
func (s *surroundings) seesAnother(pid int) bool {
	p := filepath.Join(s.proc, strconv.Itoa(pid))
	its, err := os.Readlink(filepath.Join(p, "ns", "mnt"))
	ours, ourErr := os.Readlink(filepath.Join(s.proc, "self", "ns", "mnt"))
	if err != nil || ourErr != nil || its == ours {
		return false
	}
	here, err := os.Stat(s.dir)
	if err != nil {
		return false
	}
	there, err := os.Stat(filepath.Join(p, "root", s.dir))
	if errors.Is(err, fs.ErrNotExist) {
		_, err := os.Stat(filepath.Join(p, "root")) // it has just ended
		return err == nil
	}
	return err == nil && !os.SameFile(here, there)
}
