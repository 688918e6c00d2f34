package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"
)

// A listed topic is what is in the files of one.
type listed struct {
	kinds       map[string]bool
	frames      uint64
	bytes       uint64
	lost        uint64
	first, last uint64 // publish times
}

// list shows what is in the files.
func (a *app) list(files []string, p *player) error {
	all := make(map[string]*listed)
	for _, name := range files {
		if err := p.unread(name, a.listFile(name, p, all)); err != nil {
			return err
		}
	}
	if !slices.ContainsFunc(files, func(name string) bool { return !p.unreadable[name] }) {
		return nil
	}
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TOPIC\tKIND\tFRAMES\tBYTES\tLOST\tBEGINS\tLASTS")
	for _, name := range slices.Sorted(maps.Keys(all)) {
		l := all[name]
		kind := "msgpack"
		switch {
		case len(l.kinds) > 1:
			kind = "both"
		case l.kinds["raw"]:
			kind = "raw"
		}
		begins, lasts := "-", "-"
		if l.frames > 0 {
			begins = time.Unix(0, int64(l.first)).UTC().Format(time.RFC3339)
			lasts = time.Duration(l.last - l.first).Round(time.Millisecond).String()
		} else {
			kind = "-"
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%d\t%s\t%s\n", appendEscaped(nil, []byte(name)), kind, l.frames, size(l.bytes), l.lost, begins, lasts)
	}
	_ = w.Flush()
	_, err := a.out.Write(b.Bytes())
	return outputError(err)
}

func (a *app) listFile(name string, p *player, all map[string]*listed) error {
	r, shut, err := a.openRecording(name)
	if err != nil {
		return err
	}
	defer shut()
	topic := func(name string) *listed {
		l := all[name]
		if l == nil {
			l = &listed{kinds: make(map[string]bool)}
			all[name] = l
		}
		return l
	}
	for {
		c, m, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return readingError(name, err)
		}
		if !p.wanted(recorded(c)) {
			continue
		}
		l := topic(recorded(c))
		kind := "raw"
		if isMsgpack(c) {
			kind = "msgpack"
		}
		l.kinds[kind] = true
		if l.frames == 0 {
			l.first, l.last = m.PublishTime, m.PublishTime
		}
		l.first, l.last = min(l.first, m.PublishTime), max(l.last, m.PublishTime)
		l.frames++
		l.bytes += uint64(len(m.Data))
	}
	for name, lost := range r.Metadata(metaLost) {
		if n, err := strconv.ParseUint(lost, 10, 64); err == nil && p.wanted(name) {
			topic(name).lost += n
		}
	}
	p.fileEnds(name, r.Status())
	return nil
}
