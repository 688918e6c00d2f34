package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"shmbus/internal/manpage"
)

func testRoot() *cobra.Command {
	return (&app{in: strings.NewReader(""), out: io.Discard, errOut: io.Discard}).rootCommand()
}

func TestEveryCommandHasAPageWithAllItsFlags(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "man1")
	root := testRoot()
	if err := manpage.Write(root, dir); err != nil {
		t.Fatal(err)
	}
	commands := append([]*cobra.Command{root}, manpage.Commands(root)...)
	if len(commands) < 10 {
		t.Fatalf("only %d commands", len(commands))
	}
	for _, c := range commands {
		page, err := os.ReadFile(filepath.Join(dir, manpage.Name(c)+".1"))
		if err != nil {
			t.Error(err)
			continue
		}
		for _, want := range []string{manpage.Roff(c.Short), "\n.SH DESCRIPTION\n", "\n.SH EXAMPLES\n", "\n.SH OPTIONS\n", manpage.Roff(strings.TrimSpace(strings.Split(c.Example, "\n")[0]))} {
			if want == "" || !strings.Contains(string(page), want) {
				t.Errorf("%s has no %q", manpage.Name(c), want)
			}
		}
		flags := 0
		check := func(f *pflag.Flag) {
			flags++
			if !f.Hidden && !strings.Contains(string(page), `\fB`+manpage.Roff("--"+f.Name)+`\fR`) {
				t.Errorf("%s has no --%s", manpage.Name(c), f.Name)
			}
		}
		c.NonInheritedFlags().VisitAll(check)
		c.InheritedFlags().VisitAll(check)
		if flags == 0 {
			t.Errorf("%s has no flags at all, not even --help", manpage.Name(c))
		}
		if again := manpage.Page(c); !bytes.Equal(page, again) {
			t.Errorf("%s is not the same again", manpage.Name(c))
		}
	}
	if pages, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(pages) != len(commands) {
		t.Errorf("%d pages of %d commands, %v", len(pages), len(commands), err)
	}
}

func TestManPagesAreFormattedWithoutAWarning(t *testing.T) {
	if _, err := exec.LookPath("groff"); err != nil {
		t.Skip("no groff here to format pages: ", err)
	}
	overstrike := regexp.MustCompile(`.\x08|\x1b\[[0-9;]*m`)
	root := testRoot()
	for _, c := range append([]*cobra.Command{root}, manpage.Commands(root)...) {
		cmd := exec.Command("groff", "-man", "-Tutf8", "-ww")
		cmd.Stdin = bytes.NewReader(manpage.Page(c))
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		if err := cmd.Run(); err != nil || errs.Len() > 0 {
			t.Errorf("%s: %v: %s", manpage.Name(c), err, errs.String())
			continue
		}
		shown := overstrike.ReplaceAllString(out.String(), "")
		for _, line := range strings.Split(c.Example, "\n") { // examples must be good to copy
			if !strings.Contains(shown, strings.TrimSpace(line)) {
				t.Errorf("%s does not show %q:\n%s", manpage.Name(c), line, shown)
			}
		}
	}
}
