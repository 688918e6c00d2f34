//go:build linux

package peers

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// NATS drops what a subscriber does not take in time. Here its limits are so wide that all of a run has room.
const natsRoom = 8 << 30

// ServeNATS is a NATS server, on the loopback, until its standard input ends. It prints its address.
func ServeNATS() error {
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true, MaxPayload: 8 << 20, MaxPending: natsRoom, WriteDeadline: time.Minute,
	})
	if err != nil {
		return err
	}
	s.Start()
	if !s.ReadyForConnections(patience) {
		return errors.New("the NATS server is not ready")
	}
	fmt.Println(s.ClientURL())
	_, _ = os.Stdin.Read(make([]byte, 1))
	s.Shutdown()
	s.WaitForShutdown()
	return nil
}

// natsQueue is how many messages wait in the library for who takes them one by one: it drops what comes when they are so many, whatever the limits say.
const natsQueue = 4 << 20

// natsConnect connects, and counts what the library has lost.
func natsConnect(o Options, lost *atomic.Uint64, more ...nats.Option) (*nats.Conn, error) {
	count := nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) { lost.Add(1) })
	return nats.Connect(o.Addr, append(more, nats.NoReconnect(), count)...)
}

// natsSubjects is NATS: one subject for each channel. Subscribers report for service on another one.
var natsSubjects = peer{
	send: func(o Options, channel string) (sender, error) {
		s := &natsSender{plain: newPlain(o), subject: channel}
		var err error
		if s.c, err = natsConnect(o, &s.lost); err != nil {
			return nil, err
		}
		return s, retry(func() error { // until all subscribers have answered
			inbox := s.c.NewInbox()
			sub, err := s.c.SubscribeSync(inbox)
			if err != nil {
				return err
			}
			defer func() { _ = sub.Unsubscribe() }()
			if err := s.c.PublishRequest("hello."+channel, inbox, nil); err != nil {
				return err
			}
			for range receivers(o, channel) {
				if _, err := sub.NextMsg(100 * time.Millisecond); err != nil {
					return err
				}
			}
			return nil
		})
	},
	receive: func(o Options, channel string) ([]receiver, error) {
		r := &natsReceiver{}
		c, err := natsConnect(o, &r.lost, nats.SyncQueueLen(natsQueue))
		if err != nil {
			return nil, err
		}
		if r.sub, err = c.SubscribeSync(channel); err != nil {
			return nil, err
		}
		if err := r.sub.SetPendingLimits(-1, -1); err != nil {
			return nil, err
		}
		_, err = c.Subscribe("hello."+channel, func(m *nats.Msg) { _ = m.Respond(nil) })
		return []receiver{r}, errors.Join(err, c.Flush())
	},
}

type natsSender struct {
	plain
	c       *nats.Conn
	subject string
	lost    atomic.Uint64
}

// send leaves it to the library when to write, which it does at once when it has nothing else to do.
func (s *natsSender) send() error { return s.c.Publish(s.subject, s.b) }

type natsReceiver struct {
	keep
	sub  *nats.Subscription
	lost atomic.Uint64
}

func (r *natsReceiver) take() ([]byte, error) {
	m, err := r.sub.NextMsg(time.Minute)
	if err != nil {
		return nil, fmt.Errorf("%w (%d errors before)", err, r.lost.Load())
	}
	return m.Data, nil
}
