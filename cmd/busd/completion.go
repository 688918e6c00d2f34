package main

import (
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"shmbus/internal/cli"
)

func (a *app) completionCommand() *cobra.Command {
	return cli.Completion(&cobra.Command{
		Short: "Print a script that completes commands, flags and plugins in a shell",
		Long: `Completion prints a script for a shell. When it has been read there, the tab key
completes busd's commands and flags, and the names of the plugins that there are
just then. Bash needs the package bash-completion for it.`,
		Example: `  source <(busd completion bash)                     for this shell
  busd completion bash > /etc/bash_completion.d/busd
  busd completion zsh > "${fpath[1]}/_busd"
  busd completion fish > ~/.config/fish/completions/busd.fish`,
	}, a.out, printed)
}

// complete tells the shells what the arguments of all commands may be. A command's usage line says it: NAME stands for a plugin.
func (a *app) complete(c *cobra.Command) {
	if !c.HasParent() {
		_ = c.MarkPersistentFlagDirname("bus") // they fail only if there is no such flag
		_ = c.MarkPersistentFlagDirname("plugins")
		_ = c.MarkPersistentFlagFilename("config", "toml")
	}
	for _, sub := range c.Commands() {
		a.complete(sub)
	}
	if c.ValidArgsFunction != nil || c.ValidArgs != nil {
		return
	}
	c.ValidArgsFunction = func(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		switch {
		case strings.Contains(c.Use, "DIR") && len(args) == 0:
			return nil, cobra.ShellCompDirectiveFilterDirs
		case strings.Contains(c.Use, "NAME...") || strings.Contains(c.Use, "NAME") && len(args) == 0:
			return a.pluginNames(c, args), cobra.ShellCompDirectiveNoFileComp
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
}

// pluginNames is the plugins that there are, but for those given already. This is no place for errors.
func (a *app) pluginNames(c *cobra.Command, given []string) (names []string) {
	s, err := a.settings(c)
	if err != nil {
		return nil
	}
	quiet := &app{out: io.Discard, errOut: io.Discard}
	all, _ := quiet.list(c.Context(), s)
	for _, st := range all {
		if !slices.Contains(given, st.Name) {
			names = append(names, st.Name+"\t"+string(st.Phase))
		}
	}
	return names
}
