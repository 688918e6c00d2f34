package dash

import (
	"bytes"
	"fmt"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"shmbus/bus"
	"shmbus/plugins"
)

// screenshots is a directory in which the browser's test leaves pictures of the page, to be looked at.
var screenshots = os.Getenv("SHMBUS_SCREENSHOTS")

func TestThePageShowsTheBusInABrowser(t *testing.T) {
	w := newBrowser(t)
	b, place := newBus(t)
	c := newCrowd(t, b)
	const hostile = `<img src=x onerror="document.title='broken'">`
	for _, name := range []string{hostile, "sensors/imu/0", "sensors/imu/1", "camera/front", "a/very/long/name/of/a/topic/" + strings.Repeat("x", 80)} {
		c.publish(20, name)
	}
	slow, err := b.Subscribe(t.Context(), "sensors/imu/1")
	must(t, err)
	defer slow.Close()
	c.publish(40, "sensors/imu/1")
	writeLog(t, place.Plugin("imu"), "", 0, 250)
	d, _ := serve(t, Config{Listen: "127.0.0.1:0", Token: "0123456789abcdef"}, b, place, fakes{
		{Name: "imu", Phase: plugins.Running, Plugin: plugins.Process{PID: c.Pid()}, Status: "60 samples a second " + hostile, Frames: 12},
		{Name: "camera", Phase: plugins.Backoff, Restarts: 4, Problem: "exit status 1: no such device"},
		{Name: "bad", Phase: plugins.Refused, Problem: "others may write the plugin directory"},
	})
	w.show(1200, 800, "light")
	w.call("Page.navigate", m{"url": "http://" + d.Addr() + "/?token=0123456789abcdef"})
	w.until(`document.querySelector("#state")?.className === "live"`)
	w.until(`document.querySelectorAll("#topics tbody tr").length === 6`) // with $bus/events
	if got := w.eval(`location.href`); got != "http://"+d.Addr()+"/" {
		t.Errorf("the token is still in the address: %v", got)
	}
	if got := w.eval(`document.querySelectorAll("#topics img, #plugins img").length + document.title`); got != "0shmbus" {
		t.Errorf("a topic's name was taken for HTML: %v", got)
	}
	row := func(name string) string {
		return fmt.Sprintf(`[...document.querySelectorAll("#topics tbody tr")].find(r => r.cells[0].textContent === %q)`, name)
	}
	if got := w.eval(row("sensors/imu/1") + `.cells[7].textContent`); got != "80" {
		t.Errorf("the lag of sensors/imu/1 is %v, want 80 slots", got)
	}
	c.publish(500, "camera/front")
	w.until(row("camera/front") + `.cells[4].textContent === "520"`)
	w.until(row("camera/front") + `.querySelector("path").getAttribute("d").includes("L")`)

	w.key("/")
	for _, k := range "IMU" {
		w.key(string(k))
	}
	w.until(`document.querySelector("#topics-count").textContent === "2 of 6"`)
	w.until(`document.querySelector("#plugins-count").textContent === "1 of 3"`)
	w.eval(`document.querySelector("#filter").value = ""; document.querySelector("#filter").dispatchEvent(new Event("input"))`)
	w.until(`document.querySelectorAll("#plugins tbody tr").length === 3`)

	w.eval(`document.querySelector("#topics thead button").focus()`)
	w.key("Enter") // by name
	w.until(`document.querySelector("#topics thead th").ariaSort === "ascending" && document.querySelector("#topics tbody tr").cells[0].textContent === "$bus/events"`)

	w.eval(`[...document.querySelectorAll("#plugins tbody button")].find(b => b.textContent === "imu").focus()`)
	w.key("Enter")
	w.until(`document.querySelectorAll("#log-lines .line").length === 200 && document.querySelector("#log-lines").lastChild.textContent === "line 249"`)
	r := plugins.NewReporter(b)
	defer r.Close()
	must(t, r.Publish(plugins.TopicLogs+"imu", plugins.LogEntry{Level: "error", Name: "imu", Msg: hostile, Fields: map[string]any{"n": 3}}))
	w.until(`document.querySelector("#log-lines").lastChild.textContent.endsWith("onerror=\"document.title='broken'\"> n=3")`)

	for _, width := range []int{1200, 400} {
		for _, scheme := range []string{"light", "dark"} {
			w.show(width, 800, scheme)
			picture(t, w, fmt.Sprintf("%d-%s-log", width, scheme))
			if over := w.eval(`document.documentElement.scrollWidth - document.documentElement.clientWidth`); over != 0.0 {
				t.Errorf("at a width of %d the page is %v wider", width, over)
			}
		}
	}
	w.key("Escape")
	w.until(`document.querySelector("#log").hidden && document.activeElement.textContent === "imu"`)
	must(t, os.WriteFile(place.Log(), []byte(`busd's own
{"@level":"warn","@message":"odd","@module":"busd.web","@timestamp":"2026-01-02T03:04:05.6Z","n":3}
{"@level":"warn","@message":7}
`), 0o600))
	w.eval(`document.querySelector("#summary button").click()`)
	w.until(`[...document.querySelector("#log-lines").children].map(l => l.textContent).join("|") ===
		"busd's own|2026-01-02T03:04:05.6Z [WARN] busd.web: odd n=3|{\"@level\":\"warn\",\"@message\":7}"`)
	w.eval(`document.querySelector("#log-close").click()`)
	for _, width := range []int{1200, 400} {
		w.show(width, 800, "dark")
		picture(t, w, fmt.Sprintf("%d-dark", width))
	}
	if len(w.said) > 0 {
		t.Errorf("the browser complained: %s", strings.Join(w.said, "\n"))
	}
}

func TestThePageCopesWithAThousandTopics(t *testing.T) {
	w := newBrowser(t)
	b, place := newBus(t)
	for i := range 1000 {
		must(t, b.CreateTopic(fmt.Sprintf("many/%03d", i), bus.TopicOptions{Slots: 64}))
	}
	d, stop := serve(t, Config{Listen: "127.0.0.1:0"}, b, place, nil)
	w.call("Page.navigate", m{"url": "http://" + d.Addr() + "/"})
	w.until(`document.querySelector("#topics-count")?.textContent === "1001"`)
	w.until(`document.querySelector("#topics-none").textContent.startsWith("751 more")`)
	w.eval(`document.querySelector("#filter").value = "99"; document.querySelector("#filter").dispatchEvent(new Event("input"))`)
	w.until(`document.querySelectorAll("#topics tbody tr").length === 19`)
	picture(t, w, "thousand")
	stop()
	w.until(`document.querySelector("#state").className === "lost"`)
}

// picture takes a picture, on which there must be something: a page that is blank has few colours.
func picture(t *testing.T, w *browser, name string) {
	t.Helper()
	shot := w.screenshot()
	img, err := png.Decode(bytes.NewReader(shot))
	must(t, err)
	colours := make(map[color.Color]bool)
	for i := range img.Bounds().Dx() * img.Bounds().Dy() / 7 { // 7: of all columns, sooner or later
		colours[img.At(i*7%img.Bounds().Dx(), i*7/img.Bounds().Dx())] = true
	}
	if len(colours) < 20 {
		t.Errorf("the picture %s has %d colours", name, len(colours))
	}
	if screenshots != "" {
		must(t, os.WriteFile(filepath.Join(screenshots, name+".png"), shot, 0o600))
	}
}
