package bus

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"shmbus/segment"
	"shmbus/topics"
)

// What the doctor looks at beside the rings: tables that fill up, files, the directory's lock.

// abandonedRemoval says whether nobody is just removing a topic that is marked removed. Whoever does has the directory's lock until its
// name is out of the table.
func (at *attachment) abandonedRemoval(e topics.Entry) bool {
	held, _, err := segment.Locked(at.seg.Dir())
	return err == nil && !held && at.table.Is(e)
}

// examineDeserted finds ephemeral topics, or a segment, that nobody is on any more.
func (at *attachment) examineDeserted() []Finding {
	if at.seg.Access() != segment.ReadWrite {
		return nil
	}
	gone, all := at.deserted()
	if all {
		return []Finding{{
			Grade: Dead, Check: "deserted", Text: "the segment is ephemeral, and nobody is on it any more",
			Todo: todoDeserted,
		}}
	}
	var found []Finding
	for _, e := range gone {
		found = append(found, Finding{
			Grade: Dead, Check: "deserted", Topic: e.Name, Text: "the topic is ephemeral, and nobody is on it any more", Todo: todoDeserted,
		})
	}
	return found
}

const todoDeserted = "whoever comes next removes it; 'buscat doctor --fix' does so now"

// examineRoom looks whether the places for topics are nearly all taken.
func (at *attachment) examineRoom(entries []topics.Entry) []Finding {
	return full("topics-full", "places for topics", "remove topics that nobody uses ('buscat prune'), or use another segment (bus.WithSegment)",
		len(entries)+len(at.table.Retired()), topics.TableEntries)
}

// examineParticipants looks whether the places for bus handles are nearly all taken, and whether it can be told who has them.
func (at *attachment) examineParticipants() []Finding {
	var found []Finding
	alive := 0
	for _, p := range at.seg.ParticipantTable() {
		if p.Alive && p.Known {
			alive++
		}
		if p.Overwritten && (p.Alive || !p.Known) { // who comes to the slot of a dead one puts it right
			pid := 0
			if p.Here() {
				pid = p.PID
			}
			found = append(found, Finding{
				Grade: Wrong, Check: "corrupt-participant", Pid: pid, what: fmt.Sprint(p.Slot), Todo: todoLeave(pid),
				Text: fmt.Sprintf("participant %d has generation %#x, which nobody can have: what it holds is not taken back before it has ended", p.Slot, p.Generation),
			})
		}
	}
	return append(found, full("participants-full", "places for bus handles", "end processes, or make the segment anew with more (bus.WithMaxParticipants)",
		alive, at.seg.Participants())...)
}

// full warns of a table of which nine tenths of the places are taken.
func full(check, what, todo string, n, most int) []Finding {
	if n*10 < most*9 || most <= 1 {
		return nil
	}
	return []Finding{{Grade: Warning, Check: check, Text: fmt.Sprintf("%d of %d %s are taken", n, most, what), Todo: todo}}
}

// mostForeign is how many files that do not belong there are named one by one.
const mostForeign = 8

// examineFiles looks at what is in the directory and belongs to no segment, and at its lock.
func (b *Bus) examineFiles() ([]Finding, error) {
	left, err := segment.Leftovers(b.dir)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errors.ErrUnsupported) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []Finding
	foreign := 0
	for _, l := range left {
		if l.Kind == segment.Foreign {
			if foreign++; foreign > mostForeign {
				continue
			}
		}
		f := Finding{Grade: Dead, Check: "leftover", Todo: "'buscat doctor --fix' removes it", what: l.File}
		switch l.Kind {
		case segment.Unfinished:
			f.Text = l.File + " is of a process that ended while it made a segment"
			if strings.HasPrefix(l.File, ".bus.lock.") {
				f.Text = l.File + " is of a process that ended while it made the directory's lock"
			}
		case segment.HalfGone:
			f.Text = l.File + " is left of a segment that was removed, or never finished"
		case segment.Damaged:
			f.Grade, f.Check = Wrong, "corrupt-segment"
			f.Text, f.Todo = l.File+" says that its segment was removed, and somebody is in it: a word of it was overwritten", todoFiles
		default:
			f.Grade, f.Check = Warning, "foreign-file"
			f.Text, f.Todo = fmt.Sprintf("%q is no file of a bus", l.File), "remove it, or move it away, if nobody needs it here"
		}
		all = append(all, f)
	}
	if foreign > mostForeign {
		all = append(all, Finding{
			Grade: Warning, Check: "foreign-file", Text: fmt.Sprintf("there are %d more files that are none of a bus", foreign-mostForeign),
			Todo: "is it the directory that is meant? Let the bus have one of its own", what: "more",
		})
	}
	held, pid, err := segment.Locked(b.dir)
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, segment.ErrNotSegment): // whether it is held cannot be seen
	case err != nil:
		return nil, err
	case !held:
	case segment.StoppedProcess(pid):
		all = append(all, Finding{
			Grade: Warning, Check: "directory-lock", Pid: pid, Stopped: true,
			Text: "the directory's lock is held by a process that is stopped: no topic can be made or removed",
			Todo: fmt.Sprintf("continue or end process %d", pid),
		})
	default:
		all = append(all, Finding{
			Grade: Holds, Check: "directory-lock", Pid: pid,
			Text: "somebody has the directory's lock, to make or remove something",
			Todo: "if it stays so, look what that process does",
		})
	}
	return all, nil
}
