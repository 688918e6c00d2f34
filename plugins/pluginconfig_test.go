package plugins

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

type nested struct {
	A int `json:"a"`
}

type testConfig struct {
	Every  Duration          `json:"every"`
	Most   Size              `json:"most"`
	Paths  []string          `json:"paths"`
	Map    map[string]nested `json:"map"`
	N      int               `json:"n"`
	Float  float64           `json:"float"`
	Kept   string            `json:"kept"`
	Secret int               `json:"-"`
}

func TestAPluginsConfigIsRead(t *testing.T) {
	t.Setenv(EnvConfig, `{"every":"1m","most":"64KiB","paths":["a"],"map":{"x":{"a":1}},"n":-3,"float":2}`)
	c := testConfig{Kept: "by default", N: 5}
	if err := (&Plugin{}).Config(&c); err != nil {
		t.Fatal(err)
	}
	want := testConfig{Every: Duration(time.Minute), Most: 65536, Paths: []string{"a"}, Map: map[string]nested{"x": {1}}, N: -3, Float: 2, Kept: "by default"}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("%+v", c)
	}
	t.Setenv(EnvConfig, `{"most":4096}`)
	if err := (&Plugin{}).Config(&c); err != nil || c.Most != 4096 {
		t.Errorf("%v, %v", c.Most, err)
	}
	t.Setenv(EnvConfig, "")
	if err := (&Plugin{}).Config(&c); err != nil {
		t.Errorf("no config: %v", err)
	}
}

func TestErrorsInAPluginsConfigNameTheKeys(t *testing.T) {
	t.Setenv(EnvConfig, `{"every":"soon","Most":1,"most":"-1","paths":"a","map":{"x":{"b":1}},"n":1.5,"Secret":1,"-":1,"float":"x"}`)
	err := (&Plugin{}).Config(&testConfig{})
	if err == nil {
		t.Fatal("it is taken")
	}
	for _, want := range []string{
		`config.every: "soon" is no duration`, `config.Most: there is no such key; there are every, float, kept, map, most, n, paths`, `config.most: "-1" is no number of bytes`,
		"config.paths: it has to be a list of strings, and is a string", `config.map: unknown field "b"`, "config.n: it has to be a whole number, and is a number with a point",
		`config.Secret: there is no such key`, `config.-: there is no such key`, "config.float: it has to be a number, and is a string",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("it does not say %q", want)
		}
	}
	if t.Failed() {
		t.Log(err)
	}
	t.Setenv(EnvConfig, `{"every":5,"paths":["a",1],"most":true,"map":{"x":{"a":"b"}},"n":1e300}`)
	err = (&Plugin{}).Config(&testConfig{})
	for _, want := range []string{
		`config.every: it has to be a duration like "5s", and is a whole number`, "config.paths: it has to be a list of strings, and is a list with a whole number in it",
		`config.map: in it, a has to be a whole number`, "config.n: it has to be a whole number, and is a number that is too large", "config.most: ",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: it does not say %q", err, want)
		}
	}
	t.Setenv(EnvConfig, `[1]`)
	if err := (&Plugin{}).Config(&testConfig{}); err == nil || !strings.Contains(err.Error(), EnvConfig) {
		t.Error(err)
	}
}

func TestANumberOutOfRangeIsSaidSo(t *testing.T) {
	var c struct {
		U uint8   `json:"u"`
		I *int16  `json:"i"`
		N uint    `json:"n"`
		F float32 `json:"f"`
		L []uint8 `json:"l"`
	}
	t.Setenv(EnvConfig, `{"u":300,"i":-32769,"n":-1,"f":1e300,"l":[1,256]}`)
	err := (&Plugin{}).Config(&c)
	for _, want := range []string{
		"config.u: 300 is too large: at most 255", "config.i: -32769 is not from -32768 to 32767", "config.n: -1: it must not be negative", "config.f: 1e+300 is too large",
		"config.l: in it, 256 is too large: at most 255",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: it does not say %q", err, want)
		}
	}
}

func TestTheWatchdogIsToldAsOftenAsNeedBe(t *testing.T) {
	var w watchdog
	w.set("4000000")
	begin, said := w.start, 0
	for i := range 1000 { // ten seconds
		if w.due(begin.Add(time.Duration(i) * 10 * time.Millisecond)) {
			said++
		}
	}
	if said != 10 {
		t.Errorf("said %d times in 10 s with a watchdog of 4 s", said)
	}
	for _, bad := range []string{"", "0", "-1", "x", "99999999999999999999", "9223372036854775807"} {
		var w watchdog
		if w.set(bad); w.due(time.Now()) {
			t.Errorf("%q", bad)
		}
	}
}
