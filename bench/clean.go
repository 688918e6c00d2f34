//go:build linux

package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// startCleaner starts the process that removes the lab's directories when this one closes the pipe to it, or has died, however that was. It has a group of
// its own: what keys send, Ctrl-\ say, is not for it.
func (l *lab) startCleaner() error {
	c := exec.Command(l.self, cleanWord, l.dir, l.memory)
	c.Stderr = os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err := c.StdinPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	l.cleaner, l.cleaned = in, c.Wait
	return nil
}

// clean waits for the end of its standard input and removes the directories.
func clean(dirs []string) error {
	_, _ = io.Copy(io.Discard, os.Stdin)
	for _, dir := range dirs {
		if !strings.HasPrefix(filepath.Base(dir), dirPrefix) {
			return fmt.Errorf("%q is no directory of the benchmark", dir)
		}
		// Processes that end with their leader may still be at it.
		err := os.RemoveAll(dir)
		for end := time.Now().Add(patience); err != nil && time.Now().Before(end); err = os.RemoveAll(dir) {
			time.Sleep(10 * time.Millisecond)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
