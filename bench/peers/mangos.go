//go:build linux

package peers

import (
	"time"

	"go.nanomsg.org/mangos/v3"
	"go.nanomsg.org/mangos/v3/protocol/pull"
	"go.nanomsg.org/mangos/v3/protocol/push"
	_ "go.nanomsg.org/mangos/v3/transport/ipc" // for ipc:// addresses
)

// pushPull is mangos with a pipeline to each subscriber: PUB drops what a subscriber has no room for, PUSH waits.
var pushPull = peer{
	send: func(o Options, channel string) (sender, error) {
		s := &mangosSender{size: o.Size}
		for i := range receivers(o, channel) {
			c, err := push.NewSocket()
			if err != nil {
				return nil, err
			}
			if err := c.SetOption(mangos.OptionReconnectTime, 5*time.Millisecond); err != nil {
				return nil, err
			}
			if err := retry(func() error { return c.Dial("ipc://" + inbox(o, channel, i)) }); err != nil {
				return nil, err
			}
			s.to = append(s.to, c)
		}
		return s, nil
	},
	receive: func(o Options, channel string) ([]receiver, error) {
		c, err := pull.NewSocket()
		if err != nil {
			return nil, err
		}
		if err := c.SetOption(mangos.OptionMaxRecvSize, 2*o.Size); err != nil {
			return nil, err
		}
		return []receiver{&mangosReceiver{from: c}}, c.Listen("ipc://" + inbox(o, channel, o.Index))
	},
}

// A mangosSender makes a message and gives it away.
type mangosSender struct {
	to   []mangos.Socket
	size int
	m    *mangos.Message
}

func (s *mangosSender) room() ([]byte, bool, error) {
	s.m = mangos.NewMessage(s.size)
	s.m.Body = s.m.Body[:s.size]
	return s.m.Body, true, nil
}

func (s *mangosSender) send() error {
	for range s.to[1:] {
		s.m.Clone() // one more who frees it
	}
	for _, c := range s.to {
		if err := c.SendMsg(s.m); err != nil {
			return err
		}
	}
	return nil
}

func (s *mangosSender) flush() error { return nil }

type mangosReceiver struct {
	from mangos.Socket
	m    *mangos.Message
}

func (r *mangosReceiver) take() (b []byte, err error) {
	if r.m, err = r.from.RecvMsg(); err != nil {
		return nil, err
	}
	return r.m.Body, nil
}

func (r *mangosReceiver) give() error {
	r.m.Free()
	return nil
}
