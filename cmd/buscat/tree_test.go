package main

import (
	"slices"
	"testing"

	"shmbus/bus"
)

func TestNamesAreDrawnAsATree(t *testing.T) {
	var all []bus.TopicInfo
	for _, name := range []string{"a", "a-b/c", "a/x", "a/y/z", "b/c/d", "b/e", "f"} {
		all = append(all, bus.TopicInfo{Name: name})
	}
	var got, topics []string
	newTree(all).draw(func(name string, n *node) {
		got = append(got, name)
		if n.topic != nil {
			topics = append(topics, n.topic.Name)
		}
	})
	want := []string{"a", "├── x", "└── y", "    └── z", "a-b", "└── c", "b", "├── c", "│   └── d", "└── e", "f"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if want := []string{"a", "a/x", "a/y/z", "a-b/c", "b/c/d", "b/e", "f"}; !slices.Equal(topics, want) {
		t.Errorf("%q", topics)
	}
}

func TestWhatIsRedrawnFitsTheTerminal(t *testing.T) {
	for _, c := range []struct {
		columns, rows int
		want          string
	}{
		{0, 0, "äbcd\x1b[K\nef\x1b[K\ng\x1b[K\n\x1b[J"},
		{2, 3, "äb\x1b[K\nef\x1b[K\n\x1b[J"},
		{100, 1, "\x1b[J"},
	} {
		if got := string(redrawn([]byte("äbcd\nef\ng"), c.columns, c.rows)); got != c.want {
			t.Errorf("%d x %d: %q", c.columns, c.rows, got)
		}
	}
}
