package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// roundsOf is how many frames a source brings, and what it refuses. What goes on meanwhile is called with the number of frames so far.
func roundsOf(t *testing.T, s source, meanwhile func(frames int)) (frames int, refused []error) {
	t.Helper()
	b := &batch{}
	for b.err == nil {
		b.reset()
		s.fill(b)
		frames += len(b.frames)
		refused = append(refused, b.refused...)
		meanwhile(frames)
		if frames > 100 {
			t.Fatal("it goes on and on")
		}
	}
	return frames, refused
}

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestWhatIsRefusedInALaterRoundIsReportedOnce: one file is removed, the other one grows, and then both are there again.
func TestWhatIsRefusedInALaterRoundIsReportedOnce(t *testing.T) {
	dir := t.TempDir()
	gone, grows := writeFile(t, filepath.Join(dir, "gone"), "a"), writeFile(t, filepath.Join(dir, "grows"), "b")
	stays := writeFile(t, filepath.Join(dir, "stays"), "c")
	n, refused := roundsOf(t, newRepeated(&files{names: []string{gone, grows, stays}, most: 5, twice: true}, 10), func(frames int) {
		switch frames {
		case 3: // after the first round
			_ = os.Remove(gone)
			writeFile(t, grows, "123456")
		case 4, 5, 6:
			writeFile(t, grows, "123456"+strings.Repeat("7", frames))
		case 7:
			writeFile(t, grows, "b")
		}
	})
	if len(refused) != 2 || !strings.Contains(refused[0].Error(), gone) || !strings.Contains(refused[1].Error(), grows+" has 6 bytes") {
		t.Errorf("refused are %v", refused)
	}
	if want := 3 + 4 + 2*5; n != want {
		t.Errorf("%d frames, want %d", n, want)
	}
}

func TestARoundWithoutFramesIsTheLast(t *testing.T) {
	name := writeFile(t, filepath.Join(t.TempDir(), "x"), "a")
	n, refused := roundsOf(t, newRepeated(&files{names: []string{name}, most: 5, twice: true}, 0), func(frames int) {
		if frames == 3 {
			_ = os.Remove(name)
		}
	})
	if n != 3 || len(refused) != 1 {
		t.Errorf("%d frames, refused are %v", n, refused)
	}
}

// TestALineThatIsRefusedInALaterRoundIsReported: standard input is a file that is written anew.
func TestALineThatIsRefusedInALaterRoundIsReported(t *testing.T) {
	name := writeFile(t, filepath.Join(t.TempDir(), "x"), "a\n123456\n")
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := &pieces{cut: func() splitter { return newLines(5) }, s: newLines(5)}
	s.keep, s.r = newKeeper(f, 0)
	n, refused := roundsOf(t, newRepeated(s, 6), func(frames int) {
		if frames == 2 {
			writeFile(t, name, "a\n123456\n1234567\n")
		}
	})
	if n != 6 || len(refused) != 2 || !strings.Contains(refused[0].Error(), "line 2 ") || !strings.Contains(refused[1].Error(), "line 3 ") {
		t.Errorf("%d frames, refused are %v", n, refused)
	}
}
