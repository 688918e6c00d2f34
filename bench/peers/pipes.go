//go:build linux

package peers

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// pipes is a FIFO for each pair of a publisher and a subscriber.
var pipes = peer{
	send: func(o Options, channel string) (sender, error) {
		var to []io.Writer
		for i := range receivers(o, channel) {
			f, err := fifo(pipe(o, channel, o.Index, i))
			if err != nil {
				return nil, err
			}
			to = append(to, f)
		}
		return newStreamSender(o, to, false), nil
	},
	receive: func(o Options, channel string) (all []receiver, err error) {
		for i := range senders(o, channel) {
			f, err := fifo(pipe(o, channel, i, o.Index))
			if err != nil {
				return nil, err
			}
			all = append(all, newStreamReceiver(o, f, false))
		}
		return all, nil
	},
}

// fifo opens a FIFO; whoever comes first makes it. It is open for both directions, so that nobody waits for the other side.
func fifo(path string) (*os.File, error) {
	if err := unix.Mkfifo(path, 0o600); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	return os.OpenFile(path, os.O_RDWR, 0)
}
