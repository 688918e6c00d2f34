package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestABuiltinPluginHasToBeOneThereIs(t *testing.T) {
	for _, args := range [][]string{{"builtin"}, {"builtin", "none"}, {"builtin", "timer", "timer"}} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), args, strings.NewReader(""), &out, &errs); code != exitUsage || !strings.Contains(errs.String(), "filetail, hoststats, httpin, timer") {
			t.Errorf("%q: exit code %d, %s", args, code, errs.String())
		}
	}
}
