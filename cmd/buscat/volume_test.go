//go:build unix

package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
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

// TestTwoMillionLinesIntoAFile follows them by name and by pattern, and says how much of a CPU it took. Both taps keep all lines, so the
// publisher goes at their pace.
func TestTwoMillionLinesIntoAFile(t *testing.T) {
	const n = 2000000
	var want []byte
	for i := range n {
		want = append(strconv.AppendInt(want, int64(i+1), 10), '\n')
	}
	b := openBus(t)
	var taps []*process
	var files []string
	for _, topic := range []string{"t", "*"} {
		name := filepath.Join(t.TempDir(), "lines")
		f, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		c := command(t, b.Dir(), "tap", "--lossless", "-n", strconv.Itoa(n), topic)
		c.Stdout = f
		c.start()
		c.says("waiting for topic")
		taps, files = append(taps, c), append(files, name)
	}
	pub := command(t, b.Dir(), "pub", "--lossless", "--slots", "65536", "--wait-subscribers", "2", "t")
	pub.Stdin = bytes.NewReader(want)
	start := time.Now()
	pub.start()
	pub.ends(0)
	for i, c := range taps {
		c.ends(0)
		cpu := c.ProcessState.UserTime() + c.ProcessState.SystemTime()
		t.Logf("%v: %.1f million lines for each second of CPU", c.Args[3:], n/cpu.Seconds()/1e6)
		if got, err := os.ReadFile(files[i]); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%v: %d bytes came, and they are not the %d that went: %v", c.Args[3:], len(got), len(want), err)
		}
	}
	t.Logf("%d lines to two files in %v", n, time.Since(start))
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
