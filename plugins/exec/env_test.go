package exec

import (
	"slices"
	"strings"
	"testing"
	"time"

	"shmbus/plugins"
)

func TestAPluginHasItsEnvironmentAndNotTheRunners(t *testing.T) {
	s := &plugins.Spec{Name: "p", Bus: "/b", Place: "/b/.busd", Manifest: plugins.Manifest{
		Env:      plugins.StringMap{"MINE": "1", "HOME": "/mine", "SHMBUS_DIR": "/other"},
		Topics:   []plugins.Topic{{Name: "a"}, {Name: "b/c", Slots: 16, Cell: 1024, Policy: "lossless", NoTime: true}},
		Watchdog: plugins.Duration(2 * time.Second),
		Config:   plugins.Table{"rate": 1.5},
	}}
	inherited := []string{
		"PATH=/bin", "HOME=/theirs", "SHMBUS_DIR=/x", "SHMBUS_OTHER=x", "NOTIFY_SOCKET=/busd's", "NOTIFY_ACCESS=x", "WATCHDOG_USEC=1", "WATCHDOG_PID=1", "EMPTY=", "broken",
	}
	want := []string{
		"EMPTY=", "HOME=/mine", "MINE=1", "NOTIFY_SOCKET=/b/.busd/plugins/p/n", "PATH=/bin", "SHMBUS_DIR=/b", "SHMBUS_PLUGIN=p",
		"SHMBUS_PLUGIN_CONFIG={\"rate\":1.5}", "SHMBUS_PLUGIN_COOKIE=" + plugins.Cookie, `SHMBUS_PLUGIN_SHAPES=[{"name":"a"},{"name":"b/c","slots":16,"policy":"lossless","no-time":true,"cell":1024}]`,
		"SHMBUS_PLUGIN_TOPICS=a\nb/c", "SHMBUS_PLUGIN_VERSIONS=1",
		"USER=u", "WATCHDOG_USEC=2000000",
	}
	if got := environment(inherited, s, map[string]string{"HOME": "/u", "USER": "u"}); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	s.Watchdog, s.Config, s.Topics = 0, nil, nil
	got := environment(inherited, s, nil)
	if !slices.Contains(got, "SHMBUS_PLUGIN_CONFIG={}") || !slices.Contains(got, "SHMBUS_PLUGIN_SHAPES=[]") || slices.ContainsFunc(got, func(s string) bool { return s[:2] == "WA" }) {
		t.Errorf("%q", got)
	}
}

// TestNoManifestSetsWhatIsSetForEveryPlugin: what would be thrown away is an error, so that nobody waits for it to count.
func TestNoManifestSetsWhatIsSetForEveryPlugin(t *testing.T) {
	own := environment(nil, &plugins.Spec{Manifest: plugins.Manifest{Watchdog: 1}}, nil)
	if len(own) != 9 {
		t.Errorf("%q", own)
	}
	for _, kv := range own {
		key, _, _ := strings.Cut(kv, "=")
		_, err := plugins.ParseManifest("executable = \"x\"\nenv."+key+" = \"1\"\n", "/d")
		if err == nil || !strings.Contains(err.Error(), "line 2: env."+key+": it is busd's") {
			t.Errorf("%s: %v", key, err)
		}
	}
}
