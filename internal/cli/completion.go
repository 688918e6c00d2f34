package cli

import (
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// scripts writes the script for a shell.
var scripts = map[string]func(root *cobra.Command, out io.Writer) error{
	"bash":       func(root *cobra.Command, out io.Writer) error { return root.GenBashCompletionV2(out, true) },
	"zsh":        func(root *cobra.Command, out io.Writer) error { return root.GenZshCompletion(out) },
	"fish":       func(root *cobra.Command, out io.Writer) error { return root.GenFishCompletion(out, true) },
	"powershell": func(root *cobra.Command, out io.Writer) error { return root.GenPowerShellCompletionWithDesc(out) },
}

// shells is the shells, in the order in which they are shown.
var shells = []string{"bash", "zsh", "fish", "powershell"}

// Completion makes c, which has its texts, the command that prints a script for a shell to out. What goes wrong with out is handed through
// printed.
func Completion(c *cobra.Command, out io.Writer, printed func(error) error) *cobra.Command {
	c.Use = "completion bash|zsh|fish|powershell"
	c.ValidArgs = shells
	c.Args = func(c *cobra.Command, args []string) error {
		switch {
		case len(args) != 1:
			return Usage(c, "give one shell: %s", strings.Join(shells, ", "))
		case scripts[args[0]] == nil:
			return Usage(c, "there is no script for %q; there are some for %s", args[0], strings.Join(shells, ", "))
		}
		return nil
	}
	c.RunE = func(c *cobra.Command, args []string) error { return printed(scripts[args[0]](c.Root(), out)) }
	return c
}

// Describe makes the descriptions of flags, if args ask for completions, such as shells show: in one line, and without the quotes around the
// word that help puts behind a flag. Call it when root has all its commands.
func Describe(root *cobra.Command, args []string) {
	if len(args) == 0 || args[0] != cobra.ShellCompRequestCmd {
		return
	}
	plain := func(f *pflag.Flag) {
		_, f.Usage = pflag.UnquoteUsage(f)
		f.Usage = strings.ReplaceAll(f.Usage, "\n", " ")
	}
	var all func(c *cobra.Command)
	all = func(c *cobra.Command) {
		c.Flags().VisitAll(plain)
		c.PersistentFlags().VisitAll(plain)
		for _, sub := range c.Commands() {
			all(sub)
		}
	}
	all(root)
}
