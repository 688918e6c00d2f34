// Package manpage makes manual pages of a tree of commands, with the text of --help.
package manpage

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Write writes the pages of all commands that --help shows into a directory, which it makes if need be.
func Write(root *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, c := range append([]*cobra.Command{root}, Commands(root)...) {
		if err := os.WriteFile(filepath.Join(dir, Name(c)+".1"), Page(c), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Commands is the commands under c that --help shows, those under them with them.
func Commands(c *cobra.Command) (all []*cobra.Command) {
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			all = append(append(all, sub), Commands(sub)...)
		}
	}
	return all
}

// Name is the name of a command's page, without the section.
func Name(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

// Page is a command's page, in the language of man(7). It has no date in it, so that the same program always writes the same.
func Page(c *cobra.Command) []byte {
	program := c.Root().Name()
	c.InitDefaultHelpFlag()
	c.InitDefaultVersionFlag()
	var b bytes.Buffer
	name := Name(c)
	fmt.Fprintf(&b, ".TH %s 1 \"\" \"%s\" \"%s manual\"\n.nh\n.ad l\n", strings.ToUpper(name), program, program)
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", Roff(name), Roff(c.Short))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n%s\n", Roff(c.CommandPath()), Roff(strings.TrimPrefix(strings.TrimPrefix(c.UseLine(), c.CommandPath()), " ")))
	if c.HasSubCommands() {
		fmt.Fprintf(&b, ".br\n.B %s\n.I command ...\n", Roff(name))
	}
	b.WriteString(".SH DESCRIPTION\n")
	manText(&b, c.Long)
	manFlags(&b, "OPTIONS", c.NonInheritedFlags())
	manFlags(&b, "OPTIONS OF ALL COMMANDS", c.InheritedFlags())
	if c.HasSubCommands() {
		b.WriteString(".SH COMMANDS\n")
		for _, sub := range Commands(c) {
			fmt.Fprintf(&b, ".TP\n.BR %s (1)\n%s\n", Roff(Name(sub)), Roff(sub.Short))
		}
	}
	b.WriteString(".SH EXAMPLES\n")
	manExample(&b, strings.Split(c.Example, "\n"))
	b.WriteString(".SH SEE ALSO\n")
	seeAlso(&b, c)
	return b.Bytes()
}

// manText writes paragraphs. Lines that are indented are no running text, and are kept as they are.
func manText(b *bytes.Buffer, text string) {
	var kept []string
	end := func() {
		if len(kept) > 0 {
			manExample(b, kept)
			kept = nil
		}
	}
	for _, line := range strings.Split(text, "\n") {
		switch {
		case strings.HasPrefix(line, " "):
			kept = append(kept, line)
			continue
		case line == "":
			end()
			b.WriteString(".PP\n")
		default:
			end()
			b.WriteString(Roff(line) + "\n")
		}
	}
	end()
}

func manExample(b *bytes.Buffer, lines []string) {
	b.WriteString(".PP\n.nf\n")
	for _, line := range lines {
		b.WriteString(Roff(line) + "\n")
	}
	b.WriteString(".fi\n")
}

func manFlags(b *bytes.Buffer, heading string, flags *pflag.FlagSet) {
	first := true
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		if first {
			fmt.Fprintf(b, ".SH %s\n", heading)
			first = false
		}
		value, text := pflag.UnquoteUsage(f)
		b.WriteString(".TP\n\\fB")
		if f.Shorthand != "" {
			b.WriteString(Roff("-"+f.Shorthand) + "\\fR, \\fB")
		}
		b.WriteString(Roff("--"+f.Name) + "\\fR")
		if value != "" {
			b.WriteString(" \\fI" + Roff(value) + "\\fR")
		}
		b.WriteString("\n" + Roff(strings.ReplaceAll(text, "\n", " ")))
		if d := f.DefValue; d != "" && d != "0" && d != "false" && !strings.Contains(text, "default") {
			b.WriteString(Roff(" (default " + d + ")"))
		}
		b.WriteString("\n")
	})
}

func seeAlso(b *bytes.Buffer, c *cobra.Command) {
	var others []*cobra.Command
	if c.HasParent() {
		others = append(others, c.Parent())
	}
	for _, sub := range Commands(c.Root()) {
		if sub != c && sub != c.Parent() {
			others = append(others, sub)
		}
	}
	for i, o := range others {
		comma := ","
		if i == len(others)-1 {
			comma = ""
		}
		fmt.Fprintf(b, ".BR %s (1)%s\n", Roff(Name(o)), comma)
	}
}

// Roff is a line of text as it is written in a page: its dashes and quotes as the shell needs them, nothing taken for a request.
func Roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(s)
	if strings.HasPrefix(s, ".") {
		s = `\&` + s
	}
	return s
}
