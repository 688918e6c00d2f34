package httpin

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/vmihailenco/msgpack/v5"

	"shmbus/plugins"
)

// body reads the whole body, up to the limit.
func (h *handler) body(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	limit := int64(h.config.Max)
	if r.ContentLength > limit {
		return nil, h.tooLarge()
	}
	var b bytes.Buffer
	b.Grow(int(max(r.ContentLength, 0)) + bytes.MinRead)
	_, err := b.ReadFrom(http.MaxBytesReader(w, r.Body, limit))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, h.tooLarge()
	case err != nil:
		return nil, refuse(http.StatusBadRequest, "the body was not read: %v", err)
	}
	return b.Bytes(), nil
}

func (h *handler) tooLarge() error {
	return refuse(http.StatusRequestEntityTooLarge, "a frame may have %d bytes, see max", h.config.Max)
}

// frame makes a frame of a body.
func (h *handler) frame(kind string, body []byte) (frame, error) {
	switch kind {
	case "application/msgpack", "application/x-msgpack", "application/vnd.msgpack":
		if !plugins.OneMsgpack(body) {
			return frame{}, refuse(http.StatusBadRequest, "the body is not one msgpack value")
		}
		return frame{body, true}, nil
	case "application/json":
		if h.config.JSON == "raw" {
			break
		}
		v, err := jsonValue(body)
		if err != nil {
			return frame{}, refuse(http.StatusBadRequest, "not one JSON value: %v", err)
		}
		b, err := msgpack.Marshal(v)
		return frame{b, true}, err
	}
	return frame{bytes: body}, nil
}

// lines calls f for each line of r that is not empty, until there is an error. The last one needs no newline, but what comes before an end
// that is none, because the connection broke, is no line.
func (h *handler) lines(r io.Reader, f func(line []byte) error) error {
	in := bufio.NewReaderSize(r, 64<<10)
	var long []byte // the beginning of a line that does not fit into in's buffer
	for {
		line, err := in.ReadSlice('\n')
		if len(long)+len(bytes.TrimRight(line, "\r\n")) > int(h.config.Max) {
			return h.tooLarge()
		}
		if len(long) > 0 || err == bufio.ErrBufferFull {
			long = append(long, line...)
			line = long
		}
		switch {
		case err == bufio.ErrBufferFull:
			continue
		case err != nil && err != io.EOF:
			return refuse(http.StatusBadRequest, "the body was not read: %v", err)
		}
		if line = bytes.TrimRight(line, "\r\n"); len(line) > 0 {
			if err := f(line); err != nil {
				return err
			}
		}
		if long = long[:0]; err != nil {
			return nil
		}
	}
}

// jsonValue is a JSON text as a value for msgpack: whole numbers are whole, and keep all digits where they fit into 64 bits.
func jsonValue(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("there is more behind it")
	}
	return numbers(v)
}

func numbers(v any) (_ any, err error) {
	switch v := v.(type) {
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return n, nil
		}
		if n, err := strconv.ParseUint(v.String(), 10, 64); err == nil {
			return n, nil
		}
		f, err := v.Float64()
		if err != nil {
			return nil, fmt.Errorf("%.40q is too large", v)
		}
		return f, nil
	case map[string]any:
		for k, x := range v {
			if v[k], err = numbers(x); err != nil {
				return nil, err
			}
		}
	case []any:
		for i, x := range v {
			if v[i], err = numbers(x); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}
