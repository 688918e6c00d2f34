package main

import (
	"errors"

	"github.com/spf13/cobra"

	"shmbus/plugins/exec"
)

func (a *app) runnerCommand() *cobra.Command {
	return &cobra.Command{
		Use: "runner SPEC", Hidden: true, Short: "Run one plugin, as busd has it run",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			err := exec.Run(c.Context(), args[0])
			if given := (*exec.GivenUpError)(nil); errors.As(err, &given) {
				return errTold // its log and its state have it
			}
			return err
		},
	}
}
