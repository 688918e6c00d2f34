//go:build linux

package peers

import (
	"bufio"
	"errors"
	"io"
	"net"
)

// bufferSize is that of the buffered sockets, on each side.
const bufferSize = 64 << 10

// A streamSender writes each message to a connection for each subscriber.
type streamSender struct {
	plain
	to      []io.Writer
	buffers []*bufio.Writer
}

func newStreamSender(o Options, to []io.Writer, buffered bool) *streamSender {
	s := &streamSender{plain: newPlain(o), to: to}
	if buffered {
		for i, w := range to {
			s.buffers = append(s.buffers, bufio.NewWriterSize(w, bufferSize))
			to[i] = s.buffers[i]
		}
	}
	return s
}

func (s *streamSender) send() error {
	for _, w := range s.to {
		if _, err := w.Write(s.b); err != nil {
			return err
		}
	}
	return nil
}

func (s *streamSender) flush() error {
	for _, b := range s.buffers {
		if err := b.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// A streamReceiver reads messages of one size from a connection.
type streamReceiver struct {
	keep
	from io.Reader
	b    []byte
}

func (r *streamReceiver) take() ([]byte, error) {
	_, err := io.ReadFull(r.from, r.b)
	return r.b, err
}

func newStreamReceiver(o Options, from io.Reader, buffered bool) *streamReceiver {
	if buffered {
		from = bufio.NewReaderSize(from, bufferSize)
	}
	return &streamReceiver{from: from, b: make([]byte, o.Size)}
}

// unixSockets is a Unix stream socket for each pair of a publisher and a subscriber: a write for each message, or buffers.
func unixSockets(buffered bool) peer {
	return peer{
		send: func(o Options, channel string) (sender, error) {
			var to []io.Writer
			for i := range receivers(o, channel) {
				c, err := dial(inbox(o, channel, i))
				if err != nil {
					return nil, err
				}
				to = append(to, c)
			}
			return newStreamSender(o, to, buffered), nil
		},
		receive: func(o Options, channel string) (all []receiver, err error) {
			conns, err := accept(inbox(o, channel, o.Index), senders(o, channel))
			for _, c := range conns {
				all = append(all, newStreamReceiver(o, c, buffered))
			}
			return all, err
		},
	}
}

// dial connects to a socket that may not be there yet.
func dial(path string) (c net.Conn, err error) {
	err = retry(func() (err error) {
		c, err = net.Dial("unix", path)
		return err
	})
	return c, err
}

// accept takes n connections on a new socket.
func accept(path string, n int) (all []net.Conn, err error) {
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	for range n {
		c, err := l.Accept()
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}
