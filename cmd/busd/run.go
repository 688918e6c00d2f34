package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"

	"github.com/spf13/cobra"

	"shmbus/internal/cli"
	"shmbus/internal/journal"
)

// Exit codes.
const (
	exitOK    = 0
	exitError = 1
	exitUsage = 2
)

// An app is one run of busd: what all verbs share.
type app struct {
	in     io.Reader
	out    io.Writer
	errOut io.Writer
	stream *journal.Stream // errOut of 'busd run'; nil: of the others

	bus, plugins, config string // --bus, --plugins, --config
}

// run is busd with everything it touches handed in. It returns the exit code.
func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	a := &app{in: in, out: out, errOut: errOut}
	root := a.rootCommand()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetErr(errOut)
	code := a.exit(ctx, cli.Execute(ctx, root, out, printed))
	if a.stream != nil {
		_ = a.stream.Close()
	}
	return code
}

// exit tells the user about err and says which exit code it is.
func (a *app) exit(ctx context.Context, err error) int {
	usage, stopped := (*cli.UsageError)(nil), cli.Signalled{}
	interrupted := errors.As(context.Cause(ctx), &stopped)
	switch {
	case err == nil, errors.Is(err, errOutputClosed):
		return exitOK
	case interrupted && errors.Is(err, context.Canceled):
		return stopped.ExitCode()
	case errors.As(err, &usage):
		a.say("%v\nTry '%s --help'.", err, usage.Command)
		return exitUsage
	case !errors.Is(err, errTold):
		a.say("%v", err)
	}
	return exitError
}

// errOutputClosed is the error of an output that nobody reads any more, which is none to speak of.
var errOutputClosed = errors.New("nobody reads the output")

// printed makes an error of writing to the output one of those that exit knows.
func printed(err error) error {
	if errors.Is(err, syscall.EPIPE) {
		return errOutputClosed
	}
	return err
}

// errTold is an error about which the user knows everything already.
var errTold = errors.New("that is told already")

// say writes a message to standard error.
func (a *app) say(format string, args ...any) {
	fmt.Fprintf(a.errOut, "busd: "+format+"\n", args...)
}

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "busd",
		Short: "Run the plugins of a shared-memory bus, and keep house on it",
		Long: `busd runs publisher plugins: whatever lies in a directory, in any language, is
started, watched over, restarted and stopped with its file. Frames never pass
through busd; when it is killed, plugins go on, and the next busd adopts them.

The bus is a directory: --bus DIR, or else what busd.toml says, or else
$SHMBUS_DIR, or else /dev/shm/shmbus-UID. Plugins are in --plugins DIR, or else
where busd.toml says, or else in ~/.config/shmbus/plugins (root:
/etc/shmbus/plugins); busd.toml lies beside that directory.

Exit codes: 0, 1 for an error, 2 for wrong usage, 130 when interrupted (143 when
terminated). 'busd run' that was told to stop by a signal ends with 0; a second
signal ends it at once.`,
		Example: `  busd run                       run all plugins, until it is told to stop
  busd check                     say what would be run, and what is wrong
  busd plugins list              show the plugins
  busd plugins logs -f NAME      follow what one of them says
  busd plugins restart NAME      start it anew`,
		Version:       version(),
		Args:          cli.Nothing,
		SilenceErrors: true,
		SilenceUsage:  true,

		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true}, // completion.go has one that also knows plugins
	}
	root.RunE = func(c *cobra.Command, _ []string) error { return usage(c, "say what to do") }
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return usage(c, "%v", err) })
	f := root.PersistentFlags()
	f.StringVar(&a.bus, "bus", "", "bus `directory` (default $SHMBUS_DIR, or else /dev/shm/shmbus-UID)")
	f.StringVar(&a.plugins, "plugins", "", "plugin `directory` (default ~/.config/shmbus/plugins, or /etc/shmbus/plugins)")
	f.StringVar(&a.config, "config", "", "configuration `file` (default busd.toml beside the plugin directory, if it is there)")
	root.AddCommand(
		a.runCommand(), a.checkCommand(), a.pluginsCommand(), a.completionCommand(), a.manCommand(), a.versionCommand(),
		a.runnerCommand(), a.builtinCommand(),
	)
	a.complete(root)
	cli.Help(root)
	return root
}

// usage is the error of a command line of c that cannot be run.
func usage(c *cobra.Command, format string, args ...any) error {
	return cli.Usage(c, format, args...)
}
