//go:build linux

package peers

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
)

// redisWindow is how many PUBLISH commands are under way before their replies are read. A reply says how many subscribers there were.
const redisWindow = 512

// redisChannels is Redis over its Unix socket. The server's buffers for subscribers have no limit, so nothing is lost.
var redisChannels = peer{
	send: func(o Options, channel string) (sender, error) {
		c, err := redisDial(o.Addr)
		if err != nil {
			return nil, err
		}
		s := &redisSender{
			plain: newPlain(o), redisConn: c, subs: receivers(o, channel), window: redisWindow,
			head: fmt.Appendf(nil, "*3\r\n$7\r\nPUBLISH\r\n$1\r\n%s\r\n$%d\r\n", channel, o.Size),
		}
		if o.Latency {
			s.window = 1
		}
		return s, retry(func() error { // until all subscribers are there
			if err := c.command("PUBSUB", "NUMSUB", channel); err != nil {
				return err
			}
			for range 2 { // the array, the name
				if _, err := c.item(); err != nil {
					return err
				}
			}
			n, err := c.number()
			if err == nil && n != s.subs {
				err = fmt.Errorf("%d of %d subscribers have come", n, s.subs)
			}
			return err
		})
	},
	receive: func(o Options, channel string) ([]receiver, error) {
		c, err := redisDial(o.Addr)
		if err != nil {
			return nil, err
		}
		r := &redisReceiver{redisConn: c, size: o.Size, b: make([]byte, o.Size+2)}
		if err := c.command("SUBSCRIBE", channel); err != nil {
			return nil, err
		}
		for range 3 { // the array, "subscribe", the name
			if _, err := c.item(); err != nil {
				return nil, err
			}
		}
		_, err = c.number()
		return []receiver{r}, err
	},
}

// A redisConn speaks what the benchmark needs of the protocol.
type redisConn struct {
	in  *bufio.Reader
	out *bufio.Writer
}

func redisDial(path string) (*redisConn, error) {
	c, err := net.Dial("unix", path)
	if err != nil {
		return nil, err
	}
	return &redisConn{bufio.NewReaderSize(c, bufferSize), bufio.NewWriterSize(c, bufferSize)}, nil
}

func (c *redisConn) command(words ...string) error {
	fmt.Fprintf(c.out, "*%d\r\n", len(words))
	for _, w := range words {
		fmt.Fprintf(c.out, "$%d\r\n%s\r\n", len(w), w)
	}
	return c.out.Flush()
}

// item reads a header, and behind that of a short string the string. It is good until the next one is read.
func (c *redisConn) item() ([]byte, error) {
	b, err := c.in.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	switch b = bytes.TrimSuffix(b, []byte("\r\n")); {
	case len(b) < 2 || b[0] == '-':
		return nil, fmt.Errorf("the Redis server says %q", b)
	case b[0] == '$':
		return c.in.ReadSlice('\n')
	}
	return b, nil
}

func (c *redisConn) number() (int, error) {
	b, err := c.item()
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(b[1:]))
}

type redisSender struct {
	plain
	*redisConn
	head   []byte
	subs   int
	window int
	due    int // replies
}

func (s *redisSender) send() error {
	for ; s.due >= s.window; s.due-- {
		if err := s.reply(); err != nil {
			return err
		}
	}
	s.due++
	_, err1 := s.out.Write(s.head)
	_, err2 := s.out.Write(s.b)
	_, err3 := s.out.WriteString("\r\n")
	return errors.Join(err1, err2, err3)
}

func (s *redisSender) reply() error {
	if s.in.Buffered() == 0 {
		if err := s.out.Flush(); err != nil {
			return err
		}
	}
	n, err := s.number()
	if err == nil && n != s.subs {
		err = fmt.Errorf("a message went to %d of %d subscribers", n, s.subs)
	}
	return err
}

func (s *redisSender) flush() error { return s.out.Flush() }

type redisReceiver struct {
	keep
	*redisConn
	size int
	b    []byte
}

func (r *redisReceiver) take() ([]byte, error) {
	for range 3 { // the array, "message", the name
		if _, err := r.item(); err != nil {
			return nil, err
		}
	}
	head, err := r.in.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	if n, err := strconv.Atoi(string(bytes.Trim(head, "$\r\n"))); err != nil || n != r.size {
		return nil, fmt.Errorf("the Redis server sends %q where a message of %d bytes should begin", head, r.size)
	}
	_, err = io.ReadFull(r.in, r.b)
	return r.b[:r.size], err
}
