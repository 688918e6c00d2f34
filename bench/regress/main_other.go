//go:build !linux

package main

import (
	"fmt"
	"os"
	"runtime"
)

func main() {
	fmt.Fprintln(os.Stderr, "regress: there are no benchmarks yet on", runtime.GOOS)
	os.Exit(2)
}
