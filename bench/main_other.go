//go:build !linux

package main

import (
	"fmt"
	"os"
	"runtime"
)

func main() {
	fmt.Fprintln(os.Stderr, "bench: the benchmark is not there yet on", runtime.GOOS)
	os.Exit(1)
}
