package manpage

import "testing"

func TestRoffTakesNothingForARequest(t *testing.T) {
	for text, want := range map[string]string{
		".TH x": `\&.TH x`, "'br": `\(aqbr`, `a\nb`: `a\enb`, "--from -10": `\-\-from \-10`, "a.b": "a.b", "~`^": `\(ti\(ga\(ha`,
	} {
		if got := Roff(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}
