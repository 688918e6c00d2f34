package supervise

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"

	"shmbus/internal/filelock"
	"shmbus/internal/unixsock"
	"shmbus/plugins"
)

// ErrNoBusd is wrapped by Ask's error when no busd listens.
var ErrNoBusd = errors.New("no busd runs there")

// Ask asks the busd of a place, and hands its answers to each, until the last or an error of each.
func Ask(ctx context.Context, place plugins.Place, q Request, each func(Answer) error) error {
	if n := len(place.Control()); n > unixsock.MaxPath {
		return fmt.Errorf("%s is too long for a socket: %w", place.Control(), ErrNoBusd)
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", place.Control())
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%s: %w", place, ErrNoBusd)
	case errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("%s: %w; a bus is a directory", place.Control(), syscall.ENOTDIR)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s: %w; only its own user may ask a busd", place.Control(), fs.ErrPermission)
	case err != nil:
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	err = ask(conn, q, each)
	if errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() == nil {
		return silent(conn, place)
	}
	if err != nil {
		return errors.Join(context.Cause(ctx), err)
	}
	return nil
}

// silent is the error of a busd that has said nothing for silenceLimit.
func silent(conn net.Conn, place plugins.Place) error {
	c, ok := conn.(*net.UnixConn)
	if !ok {
		return fmt.Errorf("busd has not answered for %v", silenceLimit)
	}
	_, pid, err := peer(c)
	switch {
	case err != nil || pid <= 0: // it is in another container
		return fmt.Errorf("busd does not answer: it has said nothing for %v; %s may say why", silenceLimit, place.Log())
	case suspended(pid):
		return fmt.Errorf("busd (pid %d) does not answer: it is suspended, by SIGSTOP, a terminal or a debugger; 'kill -CONT %d' has it go on", pid, pid)
	}
	return fmt.Errorf("busd (pid %d) does not answer: it has said nothing for %v; %s may say why. If that lasts, 'kill -9 %d' and start it again: the next busd adopts its plugins",
		pid, silenceLimit, place.Log(), pid)
}

func ask(conn net.Conn, q Request, each func(Answer) error) error {
	b, err := json.Marshal(q)
	if err != nil {
		return err
	}
	if len(b) >= maxRequest {
		return fmt.Errorf("%d names are too many for one request", len(q.Names))
	}
	patient := func() { _ = conn.SetDeadline(time.Now().Add(silenceLimit)) } // a busd that is suspended takes what is asked, and says nothing
	patient()
	_, werr := conn.Write(append(b, '\n')) // who refuses to talk says why, and does not read this
	lines := bufio.NewScanner(conn)
	lines.Buffer(nil, maxAnswer)
	for patient(); lines.Scan(); patient() {
		var a Answer
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			return fmt.Errorf("busd answers %.80q: %w", lines.Text(), err)
		}
		if a.Error != "" || a.Plugin != nil {
			if err := each(a); err != nil {
				return err
			}
		}
		if a.Done {
			return nil
		}
	}
	if err := errors.Join(werr, lines.Err()); err != nil {
		return fmt.Errorf("busd does not answer: %w", err)
	}
	return fmt.Errorf("busd has stopped answering: %w", io.ErrUnexpectedEOF)
}

// Offline is what the runners of a place have told last, sorted by name: what there is to know while no busd runs.
func Offline(place plugins.Place) (all []plugins.State, err error) {
	dirs, err := os.ReadDir(place.Plugins()) // sorted
	if err != nil {
		return nil, err
	}
	for _, d := range dirs {
		nook := place.Plugin(d.Name())
		var st plugins.State
		if err := plugins.ReadJSON(nook.State(), &st); err != nil || st.Name != d.Name() {
			continue // a plugin that was removed, or one whose runner has told nothing yet
		}
		held, err := filelock.Held(nook.Lock())
		if err != nil {
			return nil, err
		}
		if !held {
			st.Runner, st.Plugin = plugins.Process{}, plugins.Process{}
			if st.Phase != plugins.Failed && st.Phase != plugins.Stopped {
				st.Phase, st.Problem = plugins.Stopped, "its runner is gone; the next busd starts it"
			}
		}
		all = append(all, st)
	}
	return all, nil
}
