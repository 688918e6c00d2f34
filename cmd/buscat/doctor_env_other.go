//go:build !linux

package main

import (
	"runtime"

	"shmbus/bus"
)

// around says that nothing around the bus is looked at here.
func around(string, []bus.Participant) []bus.Finding {
	return []bus.Finding{{
		Grade: bus.Info, Check: "unseen", Text: "file system, permissions, processes and services are not looked at on " + runtime.GOOS,
	}}
}
