package dash

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestTheEndOfALogIsShown(t *testing.T) {
	b, place := newBus(t)
	d, _ := serve(t, Config{}, b, place, nil)
	c := client(t, d)
	n := place.Plugin("plug")
	if status, body := get(t, c, "http://bus/log/plug"); status != 404 || !strings.Contains(body, "no log file") {
		t.Errorf("%d %s", status, body)
	}
	writeLog(t, n, "", 0, 100_000)
	_, body := get(t, c, "http://bus/log/plug")
	if !strings.HasPrefix(body, "line 99800\n") || !strings.HasSuffix(body, "line 99999\n") || strings.Count(body, "\n") != mostLines {
		t.Errorf("%.40q to %.40q", body, body[max(0, len(body)-40):])
	}
	writeLog(t, n, ".1", 0, 300)
	writeLog(t, n, "", 300, 310)
	if _, body = get(t, c, "http://bus/log/plug"); !strings.HasPrefix(body, "line 110\n") || !strings.HasSuffix(body, "line 309\n") {
		t.Errorf("%.40q to %.40q", body, body[max(0, len(body)-40):])
	}
	must(t, os.WriteFile(place.Log(), []byte("of busd \xff\nno newline"), 0o600))
	if a, body := ask(t, c, "GET", "http://bus/log/busd", nil); body != "of busd �\nno newline" || a.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("%q", body)
	}
	must(t, os.Remove(n.Log()))
	must(t, syscall.Mkfifo(n.Log(), 0o600))
	if status, body := get(t, c, "http://bus/log/plug"); status != 500 || !strings.Contains(body, "is no file") {
		t.Errorf("%d %s", status, body)
	}
	for _, name := range []string{"..%2f..%2fbusd.lock", "a%00b", ".hidden", "-x", strings.Repeat("a", 65)} {
		if status, body := get(t, c, "http://bus/log/"+name); status != 404 {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
}
