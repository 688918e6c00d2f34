package dash

import (
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// A pipes listener hands out ends of pipes.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if c, ok := <-p; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (p pipes) Close() error   { close(p); return nil }
func (p pipes) Addr() net.Addr { return &net.UnixAddr{} }

func TestWhoWaitsGetsAPlaceThoughTheIdleConnectionThatIsEndedHasNoneToGive(t *testing.T) {
	listener := make(pipes, 1)
	l := limit(listener, 2)
	defer l.Close()
	var far []net.Conn
	accepted := make(chan net.Conn, 1)
	come := func() {
		here, there := net.Pipe()
		t.Cleanup(func() { here.Close() })
		far = append(far, there)
		listener <- here
		go func() {
			c, _ := l.Accept()
			accepted <- c
		}()
	}
	soon := func() net.Conn {
		t.Helper()
		select {
		case c := <-accepted:
			if c == nil {
				t.Fatal("it was not accepted")
			}
			l.state(c, http.StateNew)
			return c
		case <-time.After(time.Minute):
			t.Fatal("it waits")
			return nil
		}
	}
	come()
	first := soon()
	come()
	soon()
	must(t, first.Close()) // its server has not told yet
	come()
	soon()

	// Now two idle ones have the places, and the longest idle one has none.
	come()
	soon()
	if _, err := far[1].Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the one that was idle for longest is not closed: %v", err)
	}
	for _, c := range far[2:] {
		must(t, c.SetReadDeadline(time.Now()))
		if _, err := c.Read(make([]byte, 1)); err == io.EOF {
			t.Error("one more than there is need of was closed")
		}
	}
	l.state(first, http.StateClosed)
}
