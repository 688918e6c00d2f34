package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"shmbus/bus"
)

// What top keeps of the frames of the topic that it looks at.
const (
	topFrames   = 200       // frames
	topBody     = 4 << 10   // bytes of one that are kept
	topCopied   = 4 << 20   // bytes that one look may copy, about
	topJSONSize = 256 << 10 // bytes of a msgpack frame that is shown as JSON
)

// A topDetail is what is known of the topic that is looked at.
type topDetail struct {
	known   bool
	gone    bool
	trouble string
	stat    bus.TopicStat
	next    uint64      // frames below it have been seen
	frames  []seenFrame // the newest last
}

// A seenFrame is a frame as top shows it.
type seenFrame struct {
	at                  time.Time
	position, publisher uint64
	length              int
	body                string // printable, cut
}

// A topicLook is what one look at a topic brought.
type topicLook struct {
	stat   bus.TopicStat
	err    error
	frames []seenFrame
}

// lookAt looks at a topic and its newest frames, without joining it: through a tap that is opened for the look. So it costs the same
// however many frames come.
func lookAt(ctx context.Context, b *bus.Bus, topic string) (l topicLook) {
	if l.stat, l.err = b.Stat(topic); l.err != nil {
		return l
	}
	n := topFrames
	if l.stat.Frames > 0 { // of large frames fewer are copied
		n = int(max(1, min(uint64(n), topCopied/max(1, l.stat.Bytes/l.stat.Frames))))
	}
	s, err := b.Subscribe(ctx, topic, bus.ReadOnly(), bus.LastN(n))
	if err != nil {
		l.err = err
		return l
	}
	defer s.Close()
	for range n {
		f, err := s.TryReceive()
		if err != nil {
			l.err = err
			return l
		}
		if f == nil {
			break
		}
		l.frames = append(l.frames, newSeenFrame(f))
		f.Release()
	}
	return l
}

func newSeenFrame(f *bus.Frame) seenFrame {
	b := f.Bytes()
	s := seenFrame{at: f.Time(), position: f.Position(), publisher: f.Publisher(), length: len(b)}
	if f.Kind() == bus.KindMsgpack && len(b) <= topJSONSize {
		if js, err := appendJSON(nil, b); err == nil {
			b = js
		}
	}
	s.body = string(appendEscaped(nil, b[:min(len(b), topBody)]))
	return s
}

// look takes what a look at the open topic brought.
func (m *topModel) look(l topicLook) {
	d := &m.detail
	d.gone, d.trouble = errors.Is(l.err, bus.ErrNoTopic), ""
	if l.err != nil {
		if !d.gone {
			d.trouble = text(l.err)
		}
		return
	}
	if !d.stat.Made.Equal(l.stat.Made) { // made again: its positions begin anew
		d.next, d.frames = 0, nil
	}
	d.known, d.stat = true, l.stat
	for _, f := range l.frames {
		if f.position >= d.next {
			d.frames, d.next = append(d.frames, f), f.position+1
		}
	}
	if n := len(d.frames) - topFrames; n > 0 {
		d.frames = append([]seenFrame(nil), d.frames[n:]...)
	}
}

func (m *topModel) detailLines() []string {
	d := &m.detail
	title := styled(styleTitle, printable(m.open))
	if m.paused {
		title += "  PAUSED"
	}
	lines := []string{title}
	switch {
	case d.gone && !d.known:
		lines = append(lines, "", "no such topic; it is shown when it is made again")
	case !d.known && d.trouble == "":
		lines = append(lines, "", "looking ...")
	case d.known:
		lines = append(lines, m.about()...)
	}
	if m.height < 6 {
		return lines
	}
	if d.known {
		lines = append(lines, m.people()...)
		lines = append(lines, m.frameLines(m.height-2-len(lines))...)
	}
	for len(lines) < m.height-2 {
		lines = append(lines, "")
	}
	lines = lines[:m.height-2]
	remark := styled(styleBad, printableLine(d.trouble))
	if d.gone && d.known {
		remark = styled(styleWarn, "the topic has been removed")
	}
	return append(lines, remark, m.keys("esc back  p pause  ? help  q quit"))
}

// about is the topic in two lines: its shape, and what goes on.
func (m *topModel) about() []string {
	s, r := m.detail.stat, m.seen[m.open]
	policy := s.Policy.String()
	if s.Exclusive {
		policy += ", exclusive"
	}
	if s.Ephemeral {
		policy += ", ephemeral"
	}
	rate := fmt.Sprintf("%s frames/s  %s/s  ", right(short(r.frames), 6), right(shortBytes(r.bytes), 8))
	return []string{
		fmt.Sprintf("%s  %d slots of %d B, %s of memory  %s, %s so far  made %s",
			policy, s.Slots, s.CellSize, size(s.Memory), frames(s.Frames), size(s.Bytes), s.Made.Format("2006-01-02 15:04:05")),
		rate + styled(styleSpark, sparkline(r.rates, min(topHistory, m.width-ansi.StringWidth(rate)))),
	}
}

// people is who publishes and who reads, each list in a quarter of the screen at most.
func (m *topModel) people() []string {
	s := m.detail.stat
	most := max(1, m.height/4-2)
	lines := []string{"", styled(styleHead, fmt.Sprintf("PUBLISHERS %d", s.Publishers))}
	list := func(n int, heading string, line func(i int) string) {
		if n > 0 {
			lines = append(lines, styled(styleDim, heading))
		}
		for i := range min(n, most) {
			lines = append(lines, line(i))
		}
		if n > most {
			lines = append(lines, styled(styleDim, fmt.Sprintf("  and %d more", n-most)))
		}
	}
	list(len(s.PublisherList), "      ID      PID  STATE  BLOCKED  OPEN CLAIM", func(i int) string {
		p, claim := s.PublisherList[i], "-"
		if p.Claimed > 0 {
			claim = fmt.Sprintf("%s at %d", count(p.Claimed, "slot"), p.Claim)
		}
		return fmt.Sprintf("%8d %8s  %-5s  %7s  %s", p.ID, pid(p.Pid), state(p.Alive), shortTime(p.Blocked), claim)
	})
	lines = append(lines, styled(styleHead, fmt.Sprintf("SUBSCRIBERS %d", s.Subscribers))+styled(styleDim, "  taps cannot be seen"))
	list(len(s.SubscriberList), "      ID      PID  STATE     LAG  LAG%  RECEIVED    LOST  KIND", func(i int) string {
		u := s.SubscriberList[i]
		share := topTopic{TopicInfo: s.TopicInfo, lag: u.Lag}.lagShare()
		return fmt.Sprintf("%8d %8s  %-5s  %s  %s  %8s  %s  %s", u.ID, pid(u.Pid), state(u.Alive),
			styled(lagStyle(share), right(short(float64(u.Lag)), 6)), styled(lagStyle(share), right(fmt.Sprintf("%d%%", share), 4)),
			short(float64(u.Received)), styled(styleIf(u.Lost > 0, styleWarn), right(short(float64(u.Lost)), 6)), subscriberKind(u))
	})
	return lines
}

func subscriberKind(u bus.SubscriberInfo) string {
	kind := "lossy"
	switch {
	case u.Group != "":
		kind = "group " + printable(u.Group)
	case u.Lossless:
		kind = "lossless"
	}
	if u.Holds {
		kind += ", has a frame"
	}
	return kind
}

// frameLines is the newest frames, the newest at the bottom.
func (m *topModel) frameLines(room int) []string {
	if room < 2 {
		return nil
	}
	lines := []string{styled(styleHead, "FRAMES") + styled(styleDim, "  the newest below")}
	all := m.detail.frames
	if n := len(all) - (room - 2); n > 0 {
		all = all[n:]
	}
	if len(all) == 0 {
		return append(lines, styled(styleDim, "  none yet"))
	}
	wide := 0
	for _, f := range all {
		wide = max(wide, len(fmt.Sprint(f.position)))
	}
	lines = append(lines, styled(styleDim, fmt.Sprintf("%-12s  %*s  %4s  %7s  %s", "TIME", max(wide, 3), "POS", "PUB", "LENGTH", "BODY")))
	for _, f := range all {
		at := "-"
		if !f.at.IsZero() {
			at = f.at.Local().Format("15:04:05.000")
		}
		lines = append(lines, fmt.Sprintf("%-12s  %*d  %4d  %7d  %s", at, max(wide, 3), f.position, f.publisher, f.length, strings.TrimRight(f.body, " ")))
	}
	return lines
}
