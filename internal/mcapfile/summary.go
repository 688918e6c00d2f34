package mcapfile

import (
	"maps"
	"slices"

	"github.com/foxglove/mcap/go/mcap"
)

// finish writes the end of the file: the end of the data, and the summary with which readers find their way without reading it all.
func (o *output) finish(channels map[uint16]*mcap.Channel) error {
	s := o.statistics
	if err := o.records.WriteDataEnd(&mcap.DataEnd{DataSectionCRC: o.crc}); err != nil {
		return err
	}
	start := uint64(o.size) + uint64(len(o.buf))
	w, err := encoder(&o.buf, true) // a new one, because the checksum is that of the summary
	if err != nil {
		return err
	}
	var groups []*mcap.SummaryOffset
	group := func(op mcap.OpCode, n int, write func(i int) error) {
		from := w.Offset()
		for i := 0; i < n && err == nil; i++ {
			err = write(i)
		}
		if n > 0 {
			groups = append(groups, &mcap.SummaryOffset{GroupOpcode: op, GroupStart: start + from, GroupLength: w.Offset() - from})
		}
	}
	var ids []uint16 // of channels that have messages
	for _, id := range slices.Sorted(maps.Keys(channels)) {
		if s.ChannelMessageCounts[id] > 0 {
			ids = append(ids, id)
		}
	}
	group(mcap.OpChannel, len(ids), func(i int) error { return w.WriteChannel(channels[ids[i]]) })
	group(mcap.OpStatistics, 1, func(int) error { return w.WriteStatistics(s) })
	group(mcap.OpChunkIndex, len(o.chunks), func(i int) error { return w.WriteChunkIndex(o.chunks[i]) })
	group(mcap.OpMetadataIndex, len(o.metadatas), func(i int) error { return w.WriteMetadataIndex(o.metadatas[i]) })
	offsets := start + w.Offset()
	for _, g := range groups {
		if err == nil {
			err = w.WriteSummaryOffset(g)
		}
	}
	if err == nil {
		err = w.WriteFooter(&mcap.Footer{SummaryStart: start, SummaryOffsetStart: offsets})
	}
	if err != nil {
		return err
	}
	o.buf = append(o.buf, mcap.Magic...)
	return o.flush()
}

// endSize is about how long the end of the file would be.
func (o *output) endSize() int64 {
	const fixed, channel, chunk, metadata = 300, 300, 100, 60
	return int64(fixed + channel*len(o.statistics.ChannelMessageCounts) + chunk*len(o.chunks) + metadata*len(o.metadatas))
}
