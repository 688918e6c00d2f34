package main

import (
	"io"
	"os"
	"sync"

	"github.com/hashicorp/go-hclog"

	"shmbus/plugins"
)

// maxLog is how long busd's log may get, in bytes, before it is set aside as .1: it may lie in memory.
const maxLog = 4 << 20

// A logger is busd's: to standard error, to a file, and to the bus.
type logger struct {
	hclog.InterceptLogger
	file *logFile
	sink hclog.SinkAdapter
	bus  *levelSink
}

func newLogger(errOut io.Writer, path string, json bool, at hclog.Level, report *plugins.Reporter) (*logger, error) {
	f := &logFile{path: path}
	if err := f.open(); err != nil {
		return nil, err
	}
	l := &logger{
		InterceptLogger: hclog.NewInterceptLogger(&hclog.LoggerOptions{Name: "busd", Level: at, Output: errOut, JSONFormat: json}),
		file:            f,
		sink:            hclog.NewSinkAdapter(&hclog.LoggerOptions{Name: "busd", Level: hclog.Debug, Output: f, JSONFormat: true}),
		bus:             &levelSink{sink: report.LogSink("busd"), level: hclog.Debug},
	}
	l.RegisterSink(l.sink)
	l.RegisterSink(l.bus)
	return l, nil
}

// Close stops logging to the file and the bus.
func (l *logger) Close() error {
	l.DeregisterSink(l.sink)
	l.DeregisterSink(l.bus)
	return l.file.Close()
}

// A levelSink passes on what is important enough.
type levelSink struct {
	sink  hclog.SinkAdapter
	level hclog.Level
}

// Accept passes on one entry.
func (s *levelSink) Accept(name string, level hclog.Level, msg string, args ...any) {
	if level >= s.level {
		s.sink.Accept(name, level, msg, args...)
	}
}

// A logFile is written to its end, and set aside when it is long. It is safe for concurrent use.
type logFile struct {
	path string
	mu   sync.Mutex
	f    *os.File
	size int64
}

func (l *logFile) open() error {
	f, err := os.OpenFile(l.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	i, err := f.Stat()
	if err != nil {
		f.Close()
		return err
	}
	l.f, l.size = f, i.Size()
	return nil
}

// Write appends one entry.
func (l *logFile) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.size > 0 && l.size+int64(len(b)) > maxLog {
		l.f.Close()
		err := os.Rename(l.path, l.path+".1")
		if oerr := l.open(); oerr != nil {
			return 0, oerr
		}
		if err != nil { // it is shortened where it is: a log must not fill the memory
			if err := l.f.Truncate(0); err != nil {
				return 0, err
			}
			l.size = 0
		}
	}
	n, err := l.f.Write(b)
	l.size += int64(n)
	return n, err
}

// Close closes the file.
func (l *logFile) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.f.Close()
}
