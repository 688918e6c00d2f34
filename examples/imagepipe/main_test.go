package main

import (
	"context"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"testing"
	"time"
)

const asProgram = "SHMBUS_TEST_AS_PROGRAM"

// The test binary is the program too, so that the processes it starts are the real ones.
func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestPicturesGoThroughThreeProcessesAndItEndsByItself(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("no shared segments on " + runtime.GOOS)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "last.png")
	cmd := exec.CommandContext(ctx, exe, "-frames", "40", "-width", "640", "-height", "480", "-png", file)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		`blur: +40 pictures from ring to ring`,
		`sink: +40 pictures, all in order`,
		`display: [1-9][0-9]* pictures copied and shown`,
		`pictures of 0.3 MB a second through three processes`,
	} {
		if !regexp.MustCompile(want).Match(out) {
			t.Errorf("nothing matches %q in:\n%s", want, out)
		}
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if img, err := png.Decode(f); err != nil || img.Bounds().Dx() != 640 || img.Bounds().Dy() != 480 {
		t.Errorf("the PNG: %v", err)
	}
}

func TestBlurIsTheMeanOfNine(t *testing.T) {
	const w, h = 5, 4
	from := compose(make([]byte, pictureBytes(w, h)), 7, time.Unix(1, 2), w, h)
	for i := range from.pix {
		from.pix[i] = byte(i * 11)
	}
	frame := make([]byte, pictureBytes(w, h))
	from.blurInto(compose(frame, 7, time.Unix(1, 2), w, h))
	to, err := view(frame)
	if err != nil {
		t.Fatal(err)
	}
	if to.number != 7 || !to.taken.Equal(time.Unix(1, 2)) || to.width != w || to.height != h {
		t.Errorf("the header came back as %+v", to)
	}
	for y := range h {
		for x := range w {
			want := int(from.row(y)[x])
			if y > 0 && y < h-1 && x > 0 && x < w-1 {
				sum := 0
				for dy := -1; dy <= 1; dy++ {
					for dx := -1; dx <= 1; dx++ {
						sum += int(from.row(y + dy)[x+dx])
					}
				}
				want = sum / 9
			}
			if got := int(to.row(y)[x]); got != want {
				t.Errorf("pixel %d,%d is %d, want %d", x, y, got, want)
			}
		}
	}
}

func TestFramesThatAreNoPicturesAreRefused(t *testing.T) {
	good := make([]byte, pictureBytes(4, 4))
	compose(good, 0, time.Now(), 4, 4)
	for _, frame := range [][]byte{nil, good[:10], good[:len(good)-1], append(good[:len(good):len(good)], 0), make([]byte, 80)} {
		if _, err := view(frame); err == nil {
			t.Errorf("%d bytes were taken for a picture", len(frame))
		}
	}
}
