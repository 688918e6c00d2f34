package main

import "testing"

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
