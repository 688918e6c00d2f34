//go:build linux

package peers

import (
	"errors"
	"io"
	"math/bits"

	"github.com/cloudwego/shmipc-go"
)

const (
	shmipcMemory = 8 << 20 // roughly what stays in a cache
	shmipcQueue  = 8192
)

// shmipcSlice is the size of a piece of memory: one for each message.
func shmipcSlice(o Options) int { return max(1024, 1<<bits.Len(uint(o.Size-1))) }

func shmipcRoom(o Options) int { return max(shmipcMemory, 16*shmipcSlice(o)) }

// shmipcWindow is how many messages may be under way. When its memory is full, shmipc goes on over the socket, and stays there; so the
// subscriber says now and then how far it is.
func shmipcWindow(o Options) uint64 {
	return uint64(min(shmipcQueue/4, shmipcRoom(o)/4/shmipcSlice(o)))
}

func shmipcConfig(o Options) *shmipc.Config {
	c := shmipc.DefaultConfig()
	c.LogOutput = io.Discard
	c.MemMapType = shmipc.MemMapTypeMemFd
	c.ShareMemoryPathPrefix = o.Dir + "/shmipc"
	c.QueuePath = o.Dir + "/shmipc_queue"
	c.QueueCap = shmipcQueue
	c.ShareMemoryBufferCap = uint32(shmipcRoom(o))
	c.BufferSliceSizes = []*shmipc.SizePercentPair{{Size: uint32(shmipcSlice(o)), Percent: 100}}
	c.InitializeTimeout = patience
	return c
}

// shmipcStreams is a shmipc session with one stream for each pair of a publisher and a subscriber. Messages are filled and read in place.
var shmipcStreams = peer{
	send: func(o Options, channel string) (sender, error) {
		s := &shmipcSender{size: o.Size, window: shmipcWindow(o), latency: o.Latency}
		for i := range receivers(o, channel) {
			c := shmipc.DefaultSessionManagerConfig()
			c.Config = shmipcConfig(o)
			c.Network, c.Address, c.SessionNum = "unix", inbox(o, channel, i), 1
			var m *shmipc.SessionManager
			err := retry(func() (err error) {
				m, err = shmipc.NewSessionManager(c)
				return err
			})
			if err != nil {
				return nil, err
			}
			stream, err := m.GetStream()
			if err != nil {
				return nil, err
			}
			// The other side gets to know a stream with its first data.
			if err := errors.Join(stream.BufferWriter().WriteByte(0), stream.Flush(false)); err != nil {
				return nil, err
			}
			s.to = append(s.to, stream)
			s.read = append(s.read, 0)
		}
		return s, nil
	},
	receive: func(o Options, channel string) (all []receiver, err error) {
		conns, err := accept(inbox(o, channel, o.Index), senders(o, channel))
		for _, c := range conns {
			session, err := shmipc.Server(c, shmipcConfig(o))
			if err != nil {
				return nil, err
			}
			stream, err := session.AcceptStream()
			if err != nil {
				return nil, err
			}
			if _, err := stream.BufferReader().ReadByte(); err != nil {
				return nil, err
			}
			stream.BufferReader().ReleasePreviousRead()
			all = append(all, &shmipcReceiver{from: stream, size: o.Size, every: shmipcWindow(o) / 4})
		}
		return all, err
	},
}

type shmipcSender struct {
	to      []*shmipc.Stream
	size    int
	window  uint64
	latency bool
	sent    uint64
	read    []uint64 // by subscriber: so many, it has said
	copies  [][]byte
}

// room waits for subscribers that are too far behind, and has the next message in the memory of the first subscriber's stream.
func (s *shmipcSender) room() ([]byte, bool, error) {
	for i, stream := range s.to {
		for s.sent-s.read[i] >= s.window {
			if _, err := stream.BufferReader().ReadByte(); err != nil {
				return nil, false, err
			}
			stream.BufferReader().ReleasePreviousRead()
			s.read[i] += s.window / 4
		}
	}
	s.copies = s.copies[:0]
	for _, stream := range s.to {
		b, err := stream.BufferWriter().Reserve(s.size)
		if err != nil {
			return nil, false, err
		}
		s.copies = append(s.copies, b)
	}
	return s.copies[0], true, nil
}

func (s *shmipcSender) send() error {
	s.sent++
	for _, c := range s.copies[1:] { // before the first goes and is no longer ours
		copy(c, s.copies[0])
	}
	for _, stream := range s.to {
		if err := stream.Flush(false); err != nil {
			return err
		}
	}
	return nil
}

// flush makes sure that all went through shared memory, at the end of a stream of messages.
func (s *shmipcSender) flush() error {
	if s.latency {
		return nil
	}
	for _, stream := range s.to {
		if _, m, _ := stream.Session().GetMetrics(); m.AllocShmErrorCount > 0 || m.FallbackWriteCount > 0 {
			return errors.New("shmipc had no memory left and went on over the socket")
		}
	}
	return nil
}

type shmipcReceiver struct {
	from  *shmipc.Stream
	size  int
	got   uint64
	every uint64
}

func (r *shmipcReceiver) take() ([]byte, error) { return r.from.BufferReader().ReadBytes(r.size) }

func (r *shmipcReceiver) give() error {
	r.from.BufferReader().ReleasePreviousRead()
	if r.got++; r.got%r.every > 0 {
		return nil
	}
	return errors.Join(r.from.BufferWriter().WriteByte(0), r.from.Flush(false))
}
