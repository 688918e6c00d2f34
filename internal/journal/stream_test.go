package journal

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
)

func TestWhoLogsToAStreamDoesNotWaitForItsReader(t *testing.T) {
	r, w := io.Pipe() // nobody reads
	s := NewStream(w, "p", true)
	const count = 60
	for i := range count {
		b := fmt.Appendf(nil, "\"%d\"\n", i)
		if i%2 == 0 {
			b = fmt.Appendf(nil, "\"%d %0100000d\"\n", i, 0)
		}
		if n, err := s.Write(b); n != len(b) || err != nil {
			t.Fatal(n, err)
		}
	}
	var out bytes.Buffer
	read := make(chan error, 1)
	go func() { _, err := out.ReadFrom(r); read <- err }()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	<-s.over
	w.Close()
	if err := <-read; err != nil {
		t.Fatal(err)
	}
	there, lost := 0, 0
	for _, v := range lines(t, out.Bytes()) {
		if n, ok := v.(float64); ok {
			lost += int(n)
			continue
		}
		text, _, _ := strings.Cut(v.(string), " ")
		if n, err := strconv.Atoi(text); err != nil || n != there+lost {
			t.Errorf("entry %d (%v) stands where entry %d is to be", n, err, there+lost)
		}
		there++
	}
	if there == 0 || lost == 0 || there+lost != count {
		t.Errorf("%d entries are there, and %d are said to be lost, of %d", there, lost, count)
	}
}

func TestAStreamThatNobodyReadsIsClosedAllTheSame(t *testing.T) {
	_, w := io.Pipe()
	s := NewStream(w, "p", false)
	if _, err := s.Write([]byte("x\n")); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil { // it returns
		t.Fatal(err)
	}
}

func TestAnEntryThatIsTooLongForAStreamIsToldOfAtOnce(t *testing.T) {
	r, w := io.Pipe()
	s := NewStream(w, "p", true)
	if _, err := s.Write(entry(mostWaiting + 1)); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(r).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	if got := lines(t, line); len(got) != 1 || got[0] != 1. {
		t.Errorf("%v", got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
