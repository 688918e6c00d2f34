package dash

import (
	"fmt"
	"net"

	"shmbus/internal/unixsock"
	"shmbus/plugins"
)

// listen opens what is configured.
func (c Config) listen(place plugins.Place) (net.Listener, error) {
	if c.Listen == "" || c.Listen == unix {
		return unixsock.Listen(place.Web())
	}
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return nil, fmt.Errorf("web.listen = %q: %w", c.Listen, err)
	}
	host, _, _ := net.SplitHostPort(c.Listen)
	if at, ok := l.Addr().(*net.TCPAddr); loopback(host) && (!ok || !at.IP.IsLoopback()) {
		l.Close()
		return nil, fmt.Errorf("web.listen = %q: here %s is %v, which others can reach; say 127.0.0.1", c.Listen, host, l.Addr())
	}
	return l, nil
}
