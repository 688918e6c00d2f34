package main

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"shmbus/bus"
	"shmbus/internal/cli"
)

func (a *app) completionCommand() *cobra.Command {
	return cli.Completion(&cobra.Command{
		Short: "Print a script that completes commands, flags and topics in a shell",
		Long: `Completion prints a script for a shell. When it has been read there, the tab key
completes buscat's commands and flags, and the names of the topics that are on
the bus just then. Bash needs the package bash-completion for it.`,
		Example: `  source <(buscat completion bash)                     for this shell
  buscat completion bash > /etc/bash_completion.d/buscat
  buscat completion zsh > "${fpath[1]}/_buscat"
  buscat completion fish > ~/.config/fish/completions/buscat.fish`,
	}, a.out, outputError)
}

// complete tells the shells what the arguments of all commands may be. A command's usage line says it: TOPIC stands for a topic, with dots
// behind it for several; FILE and DIR are left to the shell.
func (a *app) complete(root *cobra.Command) {
	_ = root.MarkPersistentFlagDirname("bus") // it fails only if there is no such flag
	for _, c := range append(root.Commands(), root) {
		if c.ValidArgsFunction == nil && c.ValidArgs == nil {
			c.ValidArgsFunction = a.completeArgs
		}
		if c.Flags().Lookup("from") != nil {
			_ = c.RegisterFlagCompletionFunc("from", cobra.FixedCompletions([]string{"newest", "oldest"}, cobra.ShellCompDirectiveNoFileComp))
		}
	}
}

// completeArgs completes the argument that comes after args.
func (a *app) completeArgs(c *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	words := argWords(c.Use)
	var word string
	switch n := len(words); {
	case n == 0:
		return nil, cobra.ShellCompDirectiveNoFileComp
	case len(args) < n:
		word = words[len(args)]
	case strings.Contains(words[n-1], "..."):
		word = words[n-1]
	}
	switch {
	case strings.Contains(word, "TOPIC"):
		return a.topicNames(args, typed), cobra.ShellCompDirectiveNoFileComp
	case strings.Contains(word, "ID"):
		return a.subscriptions(args[0]), cobra.ShellCompDirectiveNoFileComp
	case strings.Contains(word, "FILE"):
		return nil, cobra.ShellCompDirectiveDefault
	case strings.Contains(word, "DIR"):
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// argWords is what a usage line says of arguments: its words without the command, and without flags and their values.
func argWords(use string) (words []string) {
	value := false // the next word is that of a flag
	for _, w := range strings.Fields(use)[1:] {
		flag := strings.HasPrefix(strings.TrimLeft(w, "["), "-")
		switch {
		case flag:
			value = !strings.HasSuffix(w, "]") && !strings.Contains(w, "=")
		case value, w == "[flags]":
			value = false
		default:
			words = append(words, w)
		}
	}
	return words
}

// topicNames is the topics whose names begin so, with what they are, but for those given already. Names that begin with '$' have to be asked
// for. A bus that cannot be read has none: this is no place for errors.
func (a *app) topicNames(given []string, typed string) (names []string) {
	b, err := bus.Open(a.dir)
	if err != nil {
		return nil
	}
	defer b.Close()
	all, _ := b.Topics()
	seen := make(map[string]bool)
	for _, name := range given {
		seen[name] = true
	}
	for _, t := range all {
		if seen[t.Name] || !strings.HasPrefix(t.Name, typed) || strings.HasPrefix(t.Name, "$") && typed == "" {
			continue
		}
		names = append(names, t.Name+"\t"+t.Policy.String()+", "+frames(t.Frames))
	}
	return names
}

// subscriptions is the ids of the lossless subscriptions on a topic, which can be kicked.
func (a *app) subscriptions(topic string) (ids []string) {
	b, err := bus.Open(a.dir)
	if err != nil {
		return nil
	}
	defer b.Close()
	s, _ := b.Stat(topic)
	for _, u := range s.SubscriberList {
		if u.Lossless && u.Group == "" {
			ids = append(ids, strconv.FormatUint(u.ID, 10)+"\tpid "+pid(u.Pid)+", "+strconv.FormatUint(u.Lag, 10)+" slots behind")
		}
	}
	return ids
}
