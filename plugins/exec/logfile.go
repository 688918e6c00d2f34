package exec

import (
	"os"
	"sync"
)

// maxLog is how long the log may get, in bytes, before it becomes log.1.
const maxLog = 8 << 20

// A logFile is a file that is written to its end, and set aside when it is long. It is safe for concurrent use.
type logFile struct {
	path string
	mu   sync.Mutex
	f    *os.File
	size int64
}

// openLog opens the log at path, and goes on after what is there.
func openLog(path string) (*logFile, error) {
	l := &logFile{path: path}
	return l, l.open()
}

func (l *logFile) open() error {
	f, err := os.OpenFile(l.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return err
	}
	l.f, l.size = f, info.Size()
	return nil
}

// Write appends b, which is one entry or several, to one file.
func (l *logFile) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.size > 0 && l.size+int64(len(b)) > maxLog {
		if err := l.rotate(); err != nil {
			return 0, err
		}
	}
	n, err := l.f.Write(b)
	l.size += int64(n)
	return n, err
}

// rotate makes the log log.1, in place of the one before it. If that fails the log goes on as it is, for another such length.
func (l *logFile) rotate() error {
	old := l.f
	if err := os.Rename(l.path, l.path+".1"); err != nil {
		l.size = 0
		return err
	}
	if err := l.open(); err != nil {
		l.size = 0
		return err
	}
	return old.Close()
}

// Close closes the file.
func (l *logFile) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.f.Close()
}
