package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func (a *app) rmCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "rm TOPIC...",
		Short: "Remove topics",
		Long: `Rm removes topics. Their publishers and subscribers get an error; those that
wait for topics, as tap does, wait for them to be made again. A topic's memory is
given back when the last of its users has let go.`,
		Example: `  buscat rm numbers
  buscat rm sensors/imu/0 sensors/imu/1`,
		Args: someTopics,
		RunE: a.runRm,
	}
}

func (a *app) runRm(c *cobra.Command, args []string) error {
	b, err := a.open(c)
	if err != nil {
		return err
	}
	defer b.Close()
	var failed []error
	for _, topic := range args {
		if err := b.RemoveTopic(topic); err != nil {
			failed = append(failed, noTopic(b, topic, err))
		}
	}
	return errors.Join(failed...)
}
