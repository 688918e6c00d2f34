package builtin

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"shmbus/plugins"
	"shmbus/plugins/plugintest"
)

// A block is a block of docs/PLUGINS.md that is a file.
type block struct {
	line  int
	notes map[string]string // of the comment before it: file, needs, build, makes, frames, topic
	text  string
}

// blocks reads the blocks of a document. All that are no text and no dialogue have to be files.
func blocks(t *testing.T, doc string) (all []block) {
	t.Helper()
	var b *block
	open := ""
	var notes map[string]string
	for i, line := range strings.Split(doc, "\n") {
		mark, fence := strings.CutPrefix(line, "```")
		comment := regexp.MustCompile(`^<!-- (file: .*) -->$`).FindStringSubmatch(line)
		switch {
		case open != "" && line == "```":
			if b != nil {
				all = append(all, *b)
			}
			open, b, notes = "", nil, nil
		case open != "":
			if b != nil {
				b.text += line + "\n"
			}
		case fence:
			open = mark
			switch {
			case mark == "text" || mark == "console":
			case notes == nil:
				t.Fatalf("line %d: a block marked %q that is no file", i+1, mark)
			default:
				b = &block{line: i + 1, notes: notes}
			}
		case comment != nil:
			notes = make(map[string]string)
			for part := range strings.SplitSeq(comment[1], "; ") {
				k, v, _ := strings.Cut(part, ": ")
				notes[k] = v
			}
		}
	}
	if open != "" {
		t.Fatal("the last block has no end")
	}
	return all
}

// document writes the files of docs/PLUGINS.md into a directory.
func document(t *testing.T) (all []block, dir string) {
	t.Helper()
	doc, err := os.ReadFile("../../docs/PLUGINS.md")
	noError(t, err)
	all = blocks(t, string(doc))
	if len(all) < 12 {
		t.Fatalf("only %d files were found", len(all))
	}
	dir = filepath.Join(t.TempDir(), "plugins")
	noError(t, os.Mkdir(dir, 0o700))
	for _, b := range all {
		mode := os.FileMode(0o600)
		if strings.HasPrefix(b.text, "#!") {
			mode = 0o700
		}
		noError(t, os.WriteFile(filepath.Join(dir, b.notes["file"]), []byte(b.text), mode))
	}
	return all, dir
}

// command builds one of this module's commands.
func command(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if out, err := exec.Command("go", "build", "-o", path, "shmbus/cmd/"+name).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

func TestBusdTakesTheManifestsOfTheDocumentation(t *testing.T) {
	all, dir := document(t)
	if _, err := exec.LookPath("vmstat"); err != nil { // then busd says so, and rightly
		noError(t, os.Remove(filepath.Join(dir, "vmstat.toml")))
	}
	out, err := exec.Command(command(t, "busd"), "check", "--plugins", dir, "--bus", filepath.Join(dir, "bus")).CombinedOutput()
	if err != nil || !strings.Contains(string(out), ", 0 with problems") {
		t.Errorf("%v\n%s", err, out)
	}
	for _, b := range all {
		if name, ok := strings.CutSuffix(b.notes["file"], ".toml"); ok && name != "vmstat" && !strings.Contains(string(out), "\n"+name+"\n") {
			t.Errorf("it does not know %s:\n%s", name, out)
		}
	}
}

func TestThePluginsOfTheDocumentationWork(t *testing.T) {
	all, dir := document(t)
	bin := filepath.Dir(command(t, "buscat"))
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	for _, b := range all {
		file := b.notes["file"]
		name := strings.TrimSuffix(file, ".toml")
		if slices.ContainsFunc(all, func(o block) bool { return o.line != b.line && strings.Contains(o.text, strconv.Quote(file)) }) {
			continue // it is run by its manifest
		}
		t.Run(file, func(t *testing.T) {
			for _, program := range strings.Fields(b.notes["needs"]) {
				if _, err := exec.LookPath(program); err != nil {
					t.Skip("it takes a program that is not here: ", err)
				}
			}
			t.Parallel()
			if line := b.notes["build"]; line != "" {
				name = b.notes["makes"]
				build(t, dir, file, strings.Fields(line))
			}
			m, err := load(dir, name)
			noError(t, err)
			frames := 3
			if n := b.notes["frames"]; n != "" {
				frames, err = strconv.Atoi(n)
				noError(t, err)
			}
			trial{manifest: m, name: name, frames: frames, topic: b.notes["topic"], path: bin}.run(t)
		})
	}
}

// build runs a line that builds a plugin in dir. Go's plugins are built within this module, as if they were in it.
func build(t *testing.T, dir, file string, line []string) {
	t.Helper()
	if _, err := exec.LookPath(line[0]); err != nil {
		t.Skip("it takes a program that is not here: ", err)
	}
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Dir = dir
	if line[0] == "go" {
		here, err := filepath.Abs("none/" + file) // there is no such file but for the compiler
		noError(t, err)
		overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{here: filepath.Join(dir, file)}})
		noError(t, err)
		noError(t, os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600))
		out := filepath.Join(dir, line[slices.Index(line, "-o")+1])
		cmd = exec.Command("go", "build", "-overlay", filepath.Join(dir, "overlay.json"), "-o", out, "./none")
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", line, err, out)
	}
}

func TestAnotherModuleTakesTheLibraryAsTheDocumentationSays(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	noError(t, err)
	lines := regexp.MustCompile(`(?m)^    (go mod .*?)(\s+#.*)?$`).FindAllStringSubmatch(string(readme), -1)
	if len(lines) != 2 {
		t.Fatalf("there are %q", lines)
	}
	doc, err := os.ReadFile("../../docs/PLUGINS.md")
	noError(t, err)
	for _, line := range lines {
		if same := strings.Replace(line[1], "../shmbus", "PATH", 1); !strings.Contains(string(doc), "`"+same+"`") {
			t.Errorf("docs/PLUGINS.md does not say %q", same)
		}
	}
	dir := t.TempDir()
	here, err := filepath.Abs("../..")
	noError(t, err)
	noError(t, os.Symlink(here, filepath.Join(dir, "shmbus")))
	dir = filepath.Join(dir, "own")
	noError(t, os.Mkdir(dir, 0o700))
	noError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.org/own\n\ngo 1.26\n"), 0o600))
	noError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n\nimport (\n_ \"shmbus/bus\"\n_ \"shmbus/plugins\"\n)\n\nfunc main() {}\n"), 0o600))
	sums, err := os.ReadFile("../../go.sum") // so that nobody is asked for them
	noError(t, err)
	noError(t, os.WriteFile(filepath.Join(dir, "go.sum"), sums, 0o600))
	run := func(dir, line string) ([]byte, error) {
		cmd := exec.Command("sh", "-c", line)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=off")
		return cmd.CombinedOutput()
	}
	for _, line := range append(lines, []string{"", "go build -o own ."}) {
		out, err := run(dir, line[1])
		if err == nil {
			continue
		}
		if missing, err := run(here, "go mod download"); err != nil { // with them, it is the lines that are wrong
			t.Skipf("it takes modules that are not here: %s", missing)
		}
		t.Fatalf("%s: %v\n%s", line[1], err, out)
	}
}

func TestTheExamplesWork(t *testing.T) {
	from, dir := "../../examples/plugins", t.TempDir()
	noError(t, os.CopyFS(dir, os.DirFS(from)))
	for _, file := range []string{"load.sh", "wave.py", "beacon.py"} {
		noError(t, os.Chmod(filepath.Join(dir, file), 0o700))
	}
	manifests, err := filepath.Glob(filepath.Join(dir, "*.toml"))
	noError(t, err)
	if len(manifests) != 5 {
		t.Errorf("%d manifests", len(manifests))
	}
	for _, path := range manifests {
		name := strings.TrimSuffix(filepath.Base(path), ".toml")
		t.Run(name, func(t *testing.T) {
			needs := map[string]string{"wave": "python3", "beacon": "python3", "counter": "cc"}[name]
			if _, err := exec.LookPath(needs); needs != "" && err != nil {
				t.Skip("it takes a program that is not here: ", err)
			}
			t.Parallel()
			var line []string
			switch name {
			case "counter":
				line = []string{"cc", "-Wall", "-Werror", "-O2", "-o", filepath.Join(dir, "counter"), filepath.Join(dir, "counter.c")}
			case "picture":
				line = []string{"go", "build", "-o", filepath.Join(dir, "picture"), "shmbus/examples/plugins/picture-go"}
			}
			if line != nil {
				if out, err := exec.Command(line[0], line[1:]...).CombinedOutput(); err != nil {
					t.Fatalf("%v: %v\n%s", line, err, out)
				}
			}
			m, err := load(dir, name)
			noError(t, err)
			topic := ""
			if len(m.Topics) > 0 {
				topic = m.Topics[0].Name
			}
			if name == "load" {
				m.Env["INTERVAL"] = "0.1"
			}
			trial{manifest: m, name: name, frames: 3, topic: topic}.run(t)
		})
	}
}

func TestEveryBuiltinSaysThatItLivesAlsoWhenItHasNothingToDo(t *testing.T) {
	for name, config := range map[string]string{
		"timer": `every = "1h"`, "hoststats": `every = "1h"`, "filetail": `paths = ["none"]`, "httpin": `socket = "s"`,
	} {
		text := fmt.Sprintf("builtin = %q\nwatchdog = \"400ms\"\nnotify = true\n[config]\n%s\n[[topics]]\nname = \"a\"\n", name, config)
		t.Run(name, func(t *testing.T) {
			m, err := plugins.ParseManifest(text, plugintest.NewDir(t))
			noError(t, err)
			trial{manifest: m, name: name}.run(t)
		})
	}
}
