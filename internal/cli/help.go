package cli

import "github.com/spf13/cobra"

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
