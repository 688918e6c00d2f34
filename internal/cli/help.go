package cli

import (
	"context"
	"io"

	"github.com/spf13/cobra"
)

// Execute runs root, which prints help, its version and completions to out. What goes wrong with out is the error, handed through printed: cobra
// writes help without a look.
func Execute(ctx context.Context, root *cobra.Command, out io.Writer, printed func(error) error) error {
	w := &watched{Writer: out}
	root.SetOut(w)
	if err := root.ExecuteContext(ctx); w.err == nil {
		return err
	}
	return printed(w.err)
}

// A watched writer keeps the first error of writing.
type watched struct {
	io.Writer
	err error
}

func (w *watched) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if w.err == nil {
		w.err = err
	}
	return n, err
}

// Help makes 'help' of a command that is not there wrong usage. Call it when root has all its commands.
func Help(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	for _, c := range root.Commands() {
		if c.Name() != "help" {
			continue
		}
		run := c.Run
		c.Run = nil
		c.RunE = func(c *cobra.Command, args []string) error {
			if of, rest, err := root.Find(args); err != nil || len(rest) > 0 {
				if of == nil {
					of, rest = root, args
				}
				return Usage(of, "%s has no command %q", of.CommandPath(), rest[0])
			}
			run(c, args)
			return nil
		}
	}
}
