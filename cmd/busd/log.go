package main

import (
	"io"

	"github.com/hashicorp/go-hclog"

	"shmbus/internal/journal"
	"shmbus/plugins"
)

// maxLog is how long busd's log may get, in bytes, and the one before it.
const maxLog = 4 << 20

// A logger is busd's: to standard error, to a file, and to the bus.
type logger struct {
	hclog.InterceptLogger
	file *journal.File
	sink hclog.SinkAdapter
	bus  *levelSink
}

func newLogger(errOut io.Writer, path string, json bool, at hclog.Level, report *plugins.Reporter) (*logger, error) {
	f, err := journal.OpenFile(path, "busd", maxLog)
	if err != nil {
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
