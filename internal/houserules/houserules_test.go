package houserules

import (
	"os"
	"path"
	"strings"
	"testing"
)

const module = "shmbus"

// tree is every Go file of the module, parsed, and what Paths says of all text files.
func tree(t *testing.T) (files []*File, paths []string) {
	t.Helper()
	root, err := Root(".")
	if err != nil {
		t.Fatal(err)
	}
	err = Walk(root, func(path string, source []byte) error {
		paths = append(paths, Paths(path, source)...)
		if !strings.HasSuffix(path, ".go") || strings.Contains(path, "testdata/") {
			return nil
		}
		f, err := Parse(path, source)
		if err == nil {
			files = append(files, f)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 50 {
		t.Fatalf("only %d Go files found in %s", len(files), root)
	}
	return files, paths
}

func TestTheSourceTreeKeepsTheRules(t *testing.T) {
	files, paths := tree(t)
	for name, rule := range Rules {
		t.Run(name, func(t *testing.T) {
			for _, f := range files {
				for _, bad := range rule(f) {
					t.Error(bad)
				}
			}
		})
	}
	t.Run("imports run one way", func(t *testing.T) {
		for _, bad := range ImportsRunOneWay(module, files) {
			t.Error(bad)
		}
	})
	for _, dir := range []string{"segment", "topics", "bus"} {
		t.Run("all files of "+dir+" are listed", func(t *testing.T) {
			for _, bad := range Listed(dir, files) {
				t.Error(bad)
			}
		})
	}
	t.Run("no paths of one machine", func(t *testing.T) {
		for _, bad := range paths {
			t.Error(bad)
		}
	})
}

func TestTheArchitectureHasEveryPackage(t *testing.T) {
	doc, err := os.ReadFile("../../docs/ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	files, _ := tree(t)
	seen := make(map[string]bool)
	for _, f := range files {
		dir := path.Dir(f.Path)
		if top, _, _ := strings.Cut(dir, "/"); seen[dir] || top == "cmd" || top == "examples" {
			continue
		}
		seen[dir] = true
		// "`plugins/timer`, `filetail`" are two
		if !strings.Contains(string(doc), "`"+dir+"`") && !strings.Contains(string(doc), ", `"+path.Base(dir)+"`") {
			t.Errorf("its table of packages lacks %s", dir)
		}
	}
}

func parse(t *testing.T, path, source string) *File {
	t.Helper()
	f, err := Parse(path, []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestEachRuleFindsWhatBreaksItAndNothingElse(t *testing.T) {
	sleeps := "package p\nimport \"time\"\nfunc f() { time.Sleep(1) }\n"
	for _, c := range []struct {
		rule         func(*File) []string
		path, source string
		want         int
	}{
		{Unsafe, "p/a.go", "package p\nimport \"unsafe\"\n", 1},
		{Unsafe, "p/a.go", "package p\nimport u \"unsafe\"\n", 1},
		{Unsafe, "p/a_test.go", "package p\nimport _ \"unsafe\"\n", 1},
		{Unsafe, "p/a_unsafe.go", "package p\nimport \"unsafe\"\n", 0},
		{Unsafe, "p/a_unsafe_test.go", "package p\nimport \"unsafe\"\n", 0},

		{Cgo, "p/a.go", "package p\nimport \"C\"\n", 1},
		{Cgo, "p/a.go", "package p\nimport \"time\"\n", 0},

		{Long, "p/a_test.go", "package p\n" + strings.Repeat("\n", MaxLines), 1},
		{Long, "p/a.go", "package p\n" + strings.Repeat("\n", MaxLines-1), 0},

		{Documented, "p/a.go", "package p\nfunc F() {}\n", 1},
		{Documented, "p/a.go", "package p\ntype T struct{}\n", 1},
		{Documented, "p/a.go", "package p\nvar A, B int\n", 2},
		{Documented, "p/a.go", "package p\nconst C = 1\n", 1},
		{Documented, "p/a.go", "package p\ntype t struct{}\n// T is.\ntype T[X any] struct{}\nfunc (*T[X]) M() {}\n", 1},
		{Documented, "p/a.go", "package p\ntype t struct{}\nfunc (t) M() {}\nfunc f() {}\n", 0},
		{Documented, "p/a.go", "package p\n// F is.\nfunc F() {}\n// These are.\nconst (\n\tA = 1\n\tB = 2\n)\nvar C int // is\n", 0},
		{Documented, "p/a_test.go", "package p\nfunc F() {}\n", 0},
		{Documented, "p/a.go", "package main\nfunc F() {}\n", 0},

		{Sleep, "p/a_test.go", sleeps, 1},
		{Sleep, "p/a_test.go", strings.Replace(sleeps, "}\n", "} // "+excuse+" the peer is slow\n", 1), 0},
		{Sleep, "p/a_test.go", strings.Replace(sleeps, "}\n", "}\n// "+excuse+" on another line\n", 1), 1},
		{Sleep, "p/a.go", sleeps, 0},
	} {
		if got := c.rule(parse(t, c.path, c.source)); len(got) != c.want {
			t.Errorf("%s: %d findings, want %d: %q\n%s", c.path, len(got), c.want, got, c.source)
		}
	}
}

func TestImportsThatRunBackAreFound(t *testing.T) {
	for _, c := range []struct {
		want  int
		files map[string]string // path: what it imports
	}{
		{0, map[string]string{"topics/a.go": "segment", "bus/a.go": "topics", "cmd/x/a.go": "bus", "wake/a_test.go": "wake/waketest"}},
		{0, map[string]string{"segment/a.go": "internal/mem", "internal/mem/a.go": "internal/cpu"}},
		{1, map[string]string{"segment/a.go": "topics"}},
		{1, map[string]string{"segment/a.go": "wake"}},
		{1, map[string]string{"topics/a_test.go": "bus"}},
		{1, map[string]string{"bus/a.go": "cmd/x"}},
		{1, map[string]string{"examples/x/a.go": "cmd/x"}},
		{1, map[string]string{"topics/a.go": "internal/x", "internal/x/a.go": "internal/y", "internal/y/a.go": "bus"}},
		{0, map[string]string{"cmd/x/a.go": "internal/x", "internal/x/a.go": "bus"}},
		{0, map[string]string{"internal/x/a_test.go": "cmd/x"}},
		{1, map[string]string{"newfolder/a.go": "bus"}},
	} {
		var files []*File
		for path, to := range c.files {
			files = append(files, parse(t, path, "package p\nimport _ \""+module+"/"+to+"\"\n"))
		}
		if got := ImportsRunOneWay(module, files); len(got) != c.want {
			t.Errorf("%v: %d findings, want %d: %q", c.files, len(got), c.want, got)
		}
	}
}

func TestPathsOfOneMachineAreFound(t *testing.T) {
	slash := func(s string) string { return strings.ReplaceAll(s, "_", "/") }
	for text, want := range map[string]int{
		"see _work_main":              1,
		"_root":                       1,
		"cd _root_go; ls _work.":      1, // one a line
		"dir=\"_home_somebody_x\"":    1,
		"_work\nand _root_x":          2,
		"a_root_b and .._work_x":      0,
		"_workshop, _roots, _dev_shm": 0,
		"the _home folder":            0,
		"_proc_1_root":                0,
	} {
		if got := Paths("f", []byte(slash(text))); len(got) != want {
			t.Errorf("%q: %d findings, want %d: %q", text, len(got), want, got)
		}
	}
}

func TestListsOfFilesThatAreNotCompleteAreFound(t *testing.T) {
	said := "// Package p does it.\n//\n//\ta.go, b*.go and gone.go\npackage p\n"
	files := []*File{
		parse(t, "p/doc.go", said), parse(t, "p/a.go", "package p\n"), parse(t, "p/b_linux.go", "package p\n"),
		parse(t, "p/c.go", "package p\n"), parse(t, "p/c_test.go", "package p\n"), parse(t, "q/d.go", "package q\n"),
	}
	got := strings.Join(Listed("p", files), "; ")
	if want := "p/doc.go does not say what c.go is; p/doc.go names gone.go, which is not there"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
