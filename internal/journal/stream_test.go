package journal

import (
	"bytes"
	"io"
	"testing"
)

func TestWhoLogsToAStreamDoesNotWaitForItsReader(t *testing.T) {
	r, w := io.Pipe() // nobody reads
	s := NewStream(w, "p", true)
	const each, count = 100 << 10, 30
	for range count {
		if n, err := s.Write(entry(each)); n != each || err != nil {
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
		} else {
			there++
		}
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
