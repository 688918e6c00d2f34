package exec

import (
	"bytes"
	"context"
	"fmt"
	"io"
)

// lines publishes each line, without its newline, as soon as it is there. The last one may have none, if the plugin has ended by itself: of
// one that was killed it may be half. Lines that are read at once are published at once.
func (o *output) lines(ctx context.Context, r io.Reader, s *sink) error {
	buf := make([]byte, outputBuffer)
	have, tooLong := 0, false // bytes of an unfinished line; it is one that is left out
	var batch [][]byte
	for {
		n, err := r.Read(buf[have:])
		most := s.MaxFrame()
		rest := buf[:have+n]
		from := have // there is no newline before
		batch = batch[:0]
		for {
			i := bytes.IndexByte(rest[from:], '\n')
			if i < 0 {
				break
			}
			line := rest[:from+i]
			rest, from = rest[from+i+1:], 0
			switch {
			case tooLong:
				tooLong = false
			case len(line) > most:
				s.tooLong(most)
			default:
				batch = append(batch, line)
			}
		}
		if !tooLong && len(rest) > most {
			tooLong = true
			s.tooLong(most)
		}
		if tooLong {
			rest = nil
		}
		if err := s.batch(ctx, batch); err != nil {
			return err
		}
		switch {
		case err == io.EOF && len(rest) == 0:
			return nil
		case err == io.EOF && o.torn():
			o.event(HalfFrame, fmt.Sprintf("it is not published: a line without its newline, of %d bytes, when the plugin was killed", len(rest)))
			return nil
		case err == io.EOF:
			return s.batch(ctx, [][]byte{rest})
		case err != nil:
			return err
		case len(rest) == len(buf):
			buf = append(buf, make([]byte, min(len(buf), most+1-len(buf)))...)
			have = len(rest)
		default:
			have = copy(buf, rest)
		}
	}
}
