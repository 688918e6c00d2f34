package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// A recipe is a block of the cookbook that can be run.
type recipe struct {
	line   string // of the document, as a number
	needs  []string
	script string
	want   *string // its standard output, if the document says it
}

// recipes reads the blocks marked sh, with those marked text that follow them.
func recipes(t *testing.T, doc string) (all []recipe) {
	t.Helper()
	var needs []string
	open := "" // the mark of the block that is being read
	var body strings.Builder
	fresh := false // nothing but empty lines has come since the last recipe
	for i, line := range strings.Split(doc, "\n") {
		mark, fence := strings.CutPrefix(line, "```")
		comment := regexp.MustCompile(`^<!-- needs: (.*) -->$`).FindStringSubmatch(line)
		switch {
		case open != "" && line == "```":
			if text := body.String(); open == "text" {
				all[len(all)-1].want = &text
			} else if open == "sh" {
				all[len(all)-1].script = text
			}
			fresh = open == "sh"
			open = ""
		case open != "":
			body.WriteString(line + "\n")
		case fence:
			switch {
			case mark == "sh":
				all = append(all, recipe{line: strconv.Itoa(i + 1), needs: needs})
			case mark == "text" && !fresh:
				t.Fatalf("line %d: the output of what?", i+1)
			case mark != "text" && mark != "console":
				t.Fatalf("line %d: a block marked %q; it may be sh, text or console", i+1, mark)
			}
			open, needs = mark, nil
			body.Reset()
		case comment != nil:
			needs = strings.Fields(comment[1])
		case line != "":
			fresh, needs = false, nil
		}
	}
	if open != "" {
		t.Fatal("the last block has no end")
	}
	return all
}

// outputPattern makes a pattern of an output: … stands for anything within a line, a line of it for any lines.
func outputPattern(want string) *regexp.Regexp {
	var b strings.Builder
	for _, line := range strings.SplitAfter(want, "\n") {
		if line == "…\n" {
			b.WriteString(`(?:.*\n)*?`)
			continue
		}
		b.WriteString(strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".*"))
	}
	return regexp.MustCompile(`^` + b.String() + `$`)
}

func TestTheCookbookIsRight(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash here to run the cookbook: ", err)
	}
	doc, err := os.ReadFile("../../docs/BUSCAT.md")
	if err != nil {
		t.Fatal(err)
	}
	all := recipes(t, string(doc))
	if len(all) < 30 {
		t.Fatalf("only %d recipes were found", len(all))
	}
	for _, r := range all {
		t.Run("line "+r.line, func(t *testing.T) {
			for _, program := range r.needs {
				if _, err := exec.LookPath(program); err != nil {
					t.Skip("it takes a program that is not here: ", err)
				}
			}
			t.Parallel()
			cook(t, bash, r)
		})
	}
}

// cook runs a recipe in a process group of its own, of which nothing may be left.
func cook(t *testing.T, bash string, r recipe) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, bash, "-euo", "pipefail", "-c", r.script)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "SHMBUS_DIR="+filepath.Join(filepath.Dir(openBus(t).Dir()), "fresh"), "LC_ALL=C.UTF-8")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = patience
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if left := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); left == nil {
		t.Error("it leaves processes behind")
	} else if !errors.Is(left, syscall.ESRCH) {
		t.Error(left)
	}
	switch {
	case ctx.Err() != nil:
		t.Errorf("it does not end within %v", patience)
	case err != nil:
		t.Error(err)
	case r.want != nil && !outputPattern(*r.want).MatchString(out.String()):
		t.Errorf("its output is\n%s\nand should be\n%s", out.String(), *r.want)
	}
	if t.Failed() {
		t.Logf("the block is\n%s\nit said\n%s%s", r.script, out.String(), errs.String())
	}
}

func TestTheOutputsOfTheCookbookAreCompared(t *testing.T) {
	for _, c := range []struct {
		want, got string
		same      bool
	}{
		{"a\n", "a\n", true},
		{"a\n", "a\nb\n", false},
		{"a.\n", "ab\n", false},
		{"a …\n", "a b c\n", true},
		{"a …\n", "a b\nc\n", false},
		{"a\n…\nb\n", "a\nb\n", true},
		{"a\n…\nb\n", "a\n1\n2\nb\n", true},
		{"a\n…\nb\n", "a\n1\n2\n", false},
		{"", "a\n", false},
	} {
		if got := outputPattern(c.want).MatchString(c.got); got != c.same {
			t.Errorf("%q and %q: %v, want %v", c.want, c.got, got, c.same)
		}
	}
	all := recipes(t, "```sh\none\n```\n\n```text\n1\n```\ntext\n<!-- needs: jq xxd -->\n```sh\ntwo\n```\n```console\n$ no\n```\n")
	if len(all) != 2 || all[0].script != "one\n" || *all[0].want != "1\n" || all[1].want != nil || len(all[1].needs) != 2 || all[1].line != "10" {
		t.Errorf("%+v", all)
	}
}
