//go:build !linux

package main

// grip is for tests that run on Linux only.
func grip() {}
