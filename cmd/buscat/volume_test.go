//go:build unix

package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"testing"
	"time"
)

// TestAMillionLines pipes lines through pub and tap, whichever comes first.
func TestAMillionLines(t *testing.T) {
	const n = 1000000
	var want bytes.Buffer
	for i := range n {
		fmt.Fprintln(&want, i+1)
	}
	for _, first := range []string{"tap", "pub"} {
		t.Run(first+" first", func(t *testing.T) {
			b := openBus(t)
			tap := command(t, b.Dir(), "tap", "--lossless", "-n", fmt.Sprint(n), "t")
			pub := command(t, b.Dir(), "pub", "--lossless", "--wait-subscribers", "1", "t")
			var got bytes.Buffer
			tap.Stdout = &got
			pub.Stdin = bytes.NewReader(want.Bytes())
			start := time.Now()
			if first == "tap" {
				tap.start()
				tap.says("waiting for topic")
				pub.start()
			} else {
				pub.start()
				pub.says("waiting for 1 subscriber")
				tap.start()
			}
			pub.ends(0)
			tap.ends(0)
			t.Logf("%d lines in %v", n, time.Since(start))
			if !bytes.Equal(got.Bytes(), want.Bytes()) {
				t.Errorf("%d bytes came, and they are not the %d that went", got.Len(), want.Len())
			}
		})
	}
}

// TestABinaryFile sends a file through pub and tap in frames of many sizes.
func TestABinaryFile(t *testing.T) {
	megabytes := 20
	if long {
		megabytes = 100
	}
	want := make([]byte, megabytes<<20)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(want)
	b := openBus(t)
	pub := command(t, b.Dir(), "pub", "--length-prefixed", "--lossless", "--wait-subscribers", "1", "t")
	in, w := io.Pipe()
	frames := make(chan int, 1)
	go func() { w.CloseWithError(frameFile(w, want, frames)) }()
	pub.Stdin = in
	start := time.Now()
	pub.start()
	pub.says("waiting for 1 subscriber")
	tap := command(t, b.Dir(), "tap", "--length-prefixed", "--lossless", "t")
	r, err := tap.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	tap.start()
	got, count, err := unframe(r, len(want))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d MB in %d frames took %v", megabytes, count, time.Since(start))
	if sent := <-frames; count != sent || !bytes.Equal(got, want) {
		t.Errorf("%d frames came, and they are not the %d that went", count, sent)
	}
	pub.ends(0)
	_ = tap.Process.Signal(os.Interrupt)
	tap.ends(130)
}
