package dash

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// A browser is headless Chromium with one page, over the DevTools protocol on a pipe: messages are JSON, with a zero byte behind each.
type browser struct {
	t       testing.TB
	to      *os.File
	from    *bufio.Reader
	pipe    *os.File
	last    int
	session string
	// said is what the page complained of: exceptions, the console's errors, what the browser's log has.
	said []string
}

// newBrowser skips the test if there is no Chromium.
func newBrowser(t testing.TB) *browser {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		t.Skip("there is no chromium, chromium-browser or google-chrome in PATH: the page is not tried in a browser")
	}
	profile, err := os.MkdirTemp("", "shmbus-test-")
	must(t, err)
	t.Cleanup(func() {
		eventually(t, "the profile is removed", func() bool { return os.RemoveAll(profile) == nil }) // what is left of Chromium may still write
	})
	in, to, err := os.Pipe()
	must(t, err)
	from, out, err := os.Pipe()
	must(t, err)
	cmd := exec.Command(path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
		"--user-data-dir="+profile, "--remote-debugging-pipe", "about:blank")
	cmd.ExtraFiles = []*os.File{in, out}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	must(t, cmd.Start())
	in.Close()
	out.Close()
	b := &browser{t: t, to: to, from: bufio.NewReader(from), pipe: from}
	t.Cleanup(func() {
		to.Close() // it ends by itself then; in case it does not:
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		from.Close()
	})
	id := b.call("Target.createTarget", m{"url": "about:blank"})["targetId"]
	b.session = b.call("Target.attachToTarget", m{"targetId": id, "flatten": true})["sessionId"].(string)
	for _, domain := range []string{"Page", "Runtime", "Log"} {
		b.call(domain+".enable", nil)
	}
	return b
}

type m = map[string]any

// call calls a method, and gives its result.
func (b *browser) call(method string, params m) m {
	b.t.Helper()
	b.last++
	message := m{"id": b.last, "method": method, "params": params}
	if b.session != "" {
		message["sessionId"] = b.session
	}
	if params == nil {
		delete(message, "params")
	}
	text, err := json.Marshal(message)
	must(b.t, err)
	_, err = b.to.Write(append(text, 0))
	must(b.t, err)
	must(b.t, b.pipe.SetReadDeadline(time.Now().Add(time.Minute)))
	for {
		text, err := b.from.ReadBytes(0)
		if err != nil {
			b.t.Fatalf("%s: chromium does not answer: %v", method, err)
		}
		var answer struct {
			ID     int
			Method string
			Params any
			Result m
			Error  any
		}
		must(b.t, json.Unmarshal(text[:len(text)-1], &answer))
		switch {
		case answer.Method == "Runtime.exceptionThrown", answer.Method == "Runtime.consoleAPICalled", answer.Method == "Log.entryAdded":
			b.said = append(b.said, fmt.Sprint(answer.Params))
		case answer.ID == b.last && answer.Error != nil:
			b.t.Fatalf("%s: %v", method, answer.Error)
		case answer.ID == b.last:
			return answer.Result
		}
	}
}

// eval is the value of an expression in the page.
func (b *browser) eval(expression string) any {
	b.t.Helper()
	r := b.call("Runtime.evaluate", m{"expression": expression, "returnByValue": true, "awaitPromise": true})
	if e := r["exceptionDetails"]; e != nil {
		b.t.Fatalf("%s: %v", expression, e)
	}
	return r["result"].(m)["value"]
}

// until waits until an expression is true in the page.
func (b *browser) until(expression string) {
	b.t.Helper()
	for end := time.Now().Add(time.Minute); b.eval(expression) != true; {
		if time.Now().After(end) {
			b.t.Fatalf("after a minute still not: %s\nthe page: %v\nit said: %v", expression, b.eval("document.body.innerText"), b.said)
		}
		time.Sleep(20 * time.Millisecond) // not synchronisation: it looks again and again
	}
}

// key presses a key.
func (b *browser) key(key string) {
	b.t.Helper()
	down := m{"type": "keyDown", "key": key}
	if key == "Enter" {
		down["text"], down["windowsVirtualKeyCode"] = "\r", 13
	} else if len(key) == 1 {
		down["text"] = key
	}
	b.call("Input.dispatchKeyEvent", down)
	b.call("Input.dispatchKeyEvent", m{"type": "keyUp", "key": key})
}

// show sets the size of the window, and whether the user likes it dark.
func (b *browser) show(width, height int, scheme string) {
	b.t.Helper()
	b.call("Emulation.setDeviceMetricsOverride", m{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500})
	b.call("Emulation.setEmulatedMedia", m{"features": []m{{"name": "prefers-color-scheme", "value": scheme}}})
}

// screenshot is the window as PNG.
func (b *browser) screenshot() []byte {
	b.t.Helper()
	png, err := base64.StdEncoding.DecodeString(b.call("Page.captureScreenshot", nil)["data"].(string))
	must(b.t, err)
	return png
}
