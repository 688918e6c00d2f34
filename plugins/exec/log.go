package exec

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/hashicorp/go-hclog"

	"shmbus/internal/journal"
	"shmbus/plugins"
)

// stdout is the name that lines of standard output have in the log, where that is not for frames.
const stdout = "stdout"

const (
	maxLog     = 8 << 20  // bytes of the log, and of the one before it
	maxLine    = 16 << 10 // the longest line of a log, in bytes; longer ones are cut
	maxModules = 64       // so many loggers a plugin may name
)

// A pluginLog is where everything goes that a plugin says and that is said about it: the log file, and the plugin's log topic. It is safe
// for concurrent use.
type pluginLog struct {
	name    string
	file    *journal.File
	root    hclog.InterceptLogger
	mu      sync.Mutex
	modules map[string]hclog.Logger
	last    lastWords
}

func newLog(path, name string, report *plugins.Reporter) (*pluginLog, error) {
	f, err := journal.OpenFile(path, name, maxLog)
	if err != nil {
		return nil, err
	}
	root := hclog.NewInterceptLogger(&hclog.LoggerOptions{Name: name, Level: hclog.Trace, Output: f, JSONFormat: true})
	root.RegisterSink(report.LogSink(name))
	return &pluginLog{name: name, file: f, root: root, modules: make(map[string]hclog.Logger)}, nil
}

// of is the logger of a part of the plugin.
func (l *pluginLog) of(module string) hclog.Logger {
	module = strings.TrimPrefix(strings.TrimPrefix(module, l.name), ".")
	if module == "" {
		return l.root
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.modules[module]
	switch {
	case m != nil:
	case len(l.modules) == maxModules:
		m = l.root.With("module", module)
	default:
		m = l.root.Named(module)
		l.modules[module] = m
	}
	return m
}

// read logs what comes from r, line by line, until its end. It reads no quicker than pace allows: then the plugin waits, and nothing is
// lost. If first is given, it is shown the first line, and says whether that is for it, and not to be logged; its error is returned at once.
func (l *pluginLog) read(r io.Reader, module string, pace *pace, first func(line []byte) (bool, error)) error {
	br := bufio.NewReaderSize(r, maxLine)
	continued := false
	var rest []byte // the beginning of a character, which the piece before would have ended with
	for {
		line, err := br.ReadSlice('\n')
		whole := err == nil
		if len(rest) > 0 {
			line, rest = append(rest, line...), nil
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			n := border(line)
			line, rest = line[:n], bytes.Clone(line[n:]) // what line is in is read into again
		}
		if whole {
			line = bytes.TrimSuffix(line[:len(line)-1], []byte("\r"))
		}
		taken := len(line) == 0 && (!whole || continued)
		if first != nil {
			mine, err := first(line)
			if err != nil {
				return err
			}
			taken, first = taken || mine, nil
		}
		if !taken {
			pace.wait(1 + len(line)/1024)
			l.line(line, module, continued)
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return nil // the end, in whatever way
		}
		continued = !whole
	}
}

// border is how much of a piece of a line is whole characters: all of it, but for the beginning of one at its end.
func border(b []byte) int {
	for i := len(b) - 1; i >= max(0, len(b)-utf8.UTFMax); i-- {
		if utf8.RuneStart(b[i]) {
			if utf8.FullRune(b[i:]) {
				break
			}
			return i
		}
	}
	return len(b)
}

func (l *pluginLog) line(line []byte, module string, continued bool) {
	e := parseLine(line)
	if continued {
		e.args = append(e.args, "continued", true)
	}
	if e.module == "" {
		e.module = module
	}
	l.of(e.module).Log(e.level, e.msg, e.args...)
	if s := e.short(); s != "" {
		l.last.say(s, weigh(e, module))
	}
}

// Close closes the file.
func (l *pluginLog) Close() error { return l.file.Close() }
