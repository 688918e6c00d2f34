package main

import (
	"testing"
	"time"
)

func TestWhereToStart(t *testing.T) {
	for _, s := range []string{"newest", "oldest", "-0", "-1", "-99999999999999999", "0", "5", "4503599627370495"} {
		if o, err := parseFrom(s); err != nil || o == nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{"", "new", "-", "--1", "+1", "1.5", "-x", " 1", "1s"} {
		if _, err := parseFrom(s); err == nil {
			t.Errorf("%q is understood", s)
		}
	}
}

func TestATimeToStart(t *testing.T) {
	now := time.Unix(1700000000, 0)
	for s, want := range map[string]time.Time{
		"10s": now.Add(-10 * time.Second), "1h30m": now.Add(-90 * time.Minute), "2023-11-14T22:13:20Z": now, "2023-11-14T23:13:20.5+01:00": now.Add(time.Second / 2),
		"oldest": {}, "-3": {}, "7": {},
	} {
		if o, err := parseStart(s, now); err != nil || !o.since.Equal(want) || o.option == nil {
			t.Errorf("%q: %v, %v; want %v", s, o.since, err, want)
		}
	}
	for _, s := range []string{"", "0s", "-10s", "s", "10 s", "2023-11-14", "yesterday"} {
		if _, err := parseStart(s, now); err == nil {
			t.Errorf("%q is understood", s)
		}
	}
}
