package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/itchyny/gojq"

	"shmbus/bus"
)

// A program is a jq expression of the command line.
type program struct {
	flag   string // that gave it
	query  *gojq.Query
	code   *gojq.Code
	named  bool // it uses variables
	say    func(format string, args ...any)
	failed uint64 // frames on which it failed

	ctx context.Context // ends what runs for ever
}

// jqVariables are what an expression can use beside the body.
var jqVariables = []string{"$topic", "$position", "$sequence", "$publisher", "$time", "$kind"}

func compileJQ(flag, source string, say func(format string, args ...any)) (*program, error) {
	p := &program{flag: flag, say: say, named: strings.Contains(source, "$"), ctx: context.Background()}
	q, err := gojq.Parse(source)
	if err == nil {
		options := []gojq.CompilerOption{gojq.WithEnvironLoader(os.Environ)}
		if p.named {
			options = append(options, gojq.WithVariables(jqVariables))
		}
		p.code, err = gojq.Compile(q, options...)
	}
	if p.query = q; err != nil {
		return nil, fmt.Errorf("%s %q is no jq expression: %w", flag, source, err)
	}
	return p, nil
}

// results calls yield for each result of the expression until that says no. A body that is neither msgpack nor JSON has none. When the
// expression fails on a record the user is told the first time.
func (p *program) results(r *record, yield func(v any) (more bool)) error {
	if !r.decode() {
		return nil
	}
	var iter gojq.Iter
	if p.named {
		var at any
		if !r.time.IsZero() {
			at = r.time.UTC().Format(time.RFC3339Nano)
		}
		iter = p.code.RunWithContext(p.ctx, r.value,
			r.topic, int(r.position), int(r.sequence), int(r.publisher), at, r.kind.String())
	} else {
		iter = p.code.RunWithContext(p.ctx, r.value)
	}
	for {
		v, ok := iter.Next()
		if !ok {
			return nil
		}
		if err, bad := v.(error); bad {
			if p.ctx.Err() != nil {
				return p.ctx.Err()
			}
			if p.failed++; p.failed == 1 {
				p.say("%s fails on the frame at position %d of topic %q: %v; such frames are skipped", p.flag, r.position, r.topic, err)
			}
			return nil
		}
		if !yield(v) {
			return nil
		}
	}
}

// match says whether the expression has a result that is neither false nor null.
func (p *program) match(r *record) (yes bool, err error) {
	err = p.results(r, func(v any) bool {
		yes = v != nil && v != false
		return !yes
	})
	return yes, err
}

// end tells how often it failed, if that was more often than the user has been told.
func (p *program) end() {
	if p.failed > 1 {
		p.say("%s failed on %s in all", p.flag, frames(p.failed))
	}
}

// decode finds the value of the body, once for all who want it, and says whether it has one.
func (r *record) decode() bool {
	if r.decoded {
		return r.decodes
	}
	if r.kind == bus.KindMsgpack {
		var err error
		r.text, err = appendJSON(r.text[:0], r.body)
		r.decodes = err == nil
	} else { // of a copy: the body may be the ring's own memory, and must not change between the look and the reading
		r.text = append(r.text[:0], r.body...)
		r.decodes = utf8.Valid(r.text) && json.Valid(r.text)
	}
	r.decoded, r.value = true, nil
	if r.decodes {
		r.value = r.values.value(r.text)
	}
	return r.decodes
}

// A jqForm prints what a jq expression makes of bodies, each result as JSON on a line.
type jqForm struct {
	program  *program
	terminal bool
}

func (j *jqForm) write(w *bufio.Writer, r *record) error {
	written, bad := false, error(nil)
	err := j.program.results(r, func(v any) bool {
		line, err := gojq.Marshal(v)
		if err == nil {
			err = outputError(writeLine(w, line, j.terminal))
		}
		written, bad = true, err
		return err == nil
	})
	switch {
	case err != nil:
		return err
	case bad != nil:
		return bad
	case !written:
		return errNothing
	}
	return nil
}
