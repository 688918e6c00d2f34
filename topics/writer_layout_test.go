package topics

import (
	"reflect"
	"strings"
	"testing"
)

// TestHotFieldsLieBesideSharedWords: what Publish loads of a Writer for each frame is at no offset within a line at which it stores to a shared word.
func TestHotFieldsLieBesideSharedWords(t *testing.T) {
	stored := make(map[uintptr]string)
	for _, w := range []struct {
		of    any
		field string
	}{{control{}, "tail"}, {slot{}, "stamp"}, {writerLine{}, "claim"}, {writerLine{}, "frames"}} {
		stored[offset(t, w.of, w.field)%lineSize] = w.field
	}
	for _, field := range []string{
		"control", "line", "cells.first", "cells.last", "cells.size", "next", "owner", "key", "Stop", "reached",
		"run.length", "run.edge", "run.start", "run.stamp", "run.number", "Bell.bell", "Bell.silence",
	} {
		if word, ok := stored[offset(t, Writer{}, field)%lineSize]; ok {
			t.Errorf("%s lies where in its line the %s does", field, word)
		}
	}
	if p := reflect.ValueOf(new(Writer)).Pointer(); p%lineSize != 0 {
		t.Errorf("a Writer lies at %#x, at no multiple of %d", p, lineSize)
	}
}

// offset is where a field of a field of a struct begins.
func offset(t *testing.T, of any, path string) (at uintptr) {
	t.Helper()
	in := reflect.TypeOf(of)
	for name := range strings.SplitSeq(path, ".") {
		f, ok := in.FieldByName(name)
		if !ok {
			t.Fatalf("%T has no field %s", of, path)
		}
		at, in = at+f.Offset, f.Type
	}
	return at
}
