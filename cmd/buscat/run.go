package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"shmbus/bus"
	"shmbus/internal/cli"
	"shmbus/topics"
)

// Exit codes.
const (
	exitOK      = 0
	exitError   = 1
	exitUsage   = 2
	exitTimeout = 124 // as timeout(1)
)

// errTimeout is wrapped by errors of waiting that went on for as long as the user has allowed.
var errTimeout = errors.New("timeout")

// An app is one run of buscat: what all verbs share.
type app struct {
	in     io.Reader
	out    io.Writer
	errOut io.Writer
	dir    string // --bus
}

// run is buscat with everything it touches handed in. It returns the exit code.
func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	a := &app{in: in, out: out, errOut: errOut}
	root := a.rootCommand()
	cli.Describe(root, args)
	root.SetArgs(args)
	root.SetIn(in)
	root.SetErr(errOut)
	return a.exit(ctx, cli.Execute(ctx, root, out, outputError))
}

// exit tells the user about err and says which exit code it is.
func (a *app) exit(ctx context.Context, err error) int {
	usage, stopped := (*cli.UsageError)(nil), cli.Signalled{}
	interrupted := errors.As(context.Cause(ctx), &stopped) || errors.As(err, &stopped)
	switch {
	case errors.Is(err, errOutputClosed):
		return exitOK
	case interrupted && (err == nil || errors.Is(err, context.Canceled)):
		return stopped.ExitCode()
	case err == nil:
		return exitOK
	case errors.As(err, &usage):
		a.say("%v\nTry '%s --help'.", err, usage.Command)
		return exitUsage
	}
	for line := range strings.SplitSeq(text(err), "\n") { // of joined errors each has one
		a.say("%s", line)
	}
	switch {
	case interrupted:
		return stopped.ExitCode()
	case errors.Is(err, errTimeout):
		return exitTimeout
	}
	return exitError
}

// say writes a message to standard error.
func (a *app) say(format string, args ...any) {
	fmt.Fprintf(a.errOut, "buscat: "+format+"\n", args...)
}

// text is err's text without the name of the library it comes from.
func text(err error) string {
	return strings.ReplaceAll("\n"+err.Error(), "\nbus: ", "\n")[1:]
}

func (a *app) rootCommand() *cobra.Command {
	o := &tapOptions{}
	root := &cobra.Command{
		Use:   "buscat TOPIC...",
		Short: "Look at a shared-memory bus, and publish to it, from the shell",
		Long: `buscat prints what is published on topics, line by line, as it comes.
'buscat TOPIC...' is short for 'buscat tap TOPIC...', whose --help explains
--format, --where and --jq; the other verbs are below.

The bus is a directory: --bus DIR, or else $SHMBUS_DIR, or else
/dev/shm/shmbus-UID. On a terminal there are colours, unless NO_COLOR is set or
TERM is dumb.

Exit codes: 0, 1 for an error, 2 for wrong usage, 124 for --timeout, 130 when
interrupted (143 when terminated, 129 when its terminal is closed). A closed
output pipe is no error. SIGQUIT is the exception, as in any program of Go: it
prints what all goroutines do, and the exit code is 2.`,
		Example: `  buscat sensors/imu/0                  print the topic's frames as they come
  buscat 'sensors/**' --json            those of many topics, as JSON objects
  seq 10 | buscat pub numbers           publish each line
  buscat --exit numbers                 print what is there, and stop
  buscat ls                             show the topics`,
		Version:       version(),
		Args:          somePatterns,
		RunE:          a.runTap(o),
		SilenceErrors: true,
		SilenceUsage:  true,

		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true}, // completion.go has one that also knows topics
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return usage(c, "%v", err) })
	root.PersistentFlags().StringVar(&a.dir, "bus", "", "bus `directory` (default $SHMBUS_DIR, or else /dev/shm/shmbus-UID)")
	o.flags(root, "'buscat tap --help'")
	root.AddCommand(
		a.tapCommand(), a.pubCommand(), a.createCommand(), a.rmCommand(), a.recordCommand(), a.replayCommand(),
		a.lsCommand(), a.statCommand(), a.topCommand(), a.hzCommand(), a.bwCommand(), a.delayCommand(), a.benchCommand(),
		a.doctorCommand(), a.kickCommand(), a.pruneCommand(),
		a.completionCommand(), a.manCommand(), a.versionCommand(),
	)
	a.complete(root)
	cli.Help(root)
	return root
}

// open opens the bus that the command line names.
func (a *app) open(c *cobra.Command) (*bus.Bus, error) {
	if a.dir == "" && c.Flags().Changed("bus") {
		return nil, usage(c, "--bus names no directory")
	}
	return bus.Open(a.dir)
}

// usage is the error of a command line of c that cannot be run.
func usage(c *cobra.Command, format string, args ...any) error {
	return cli.Usage(c, format, args...)
}

// given says whether a flag is on the command line, and not turned off there.
func given(c *cobra.Command, name string) bool {
	f := c.Flags().Lookup(name)
	return f.Changed && !(f.Value.Type() == "bool" && f.Value.String() == "false")
}

// oneTopic checks that the arguments are one topic's name.
func oneTopic(c *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return usage(c, "no topic given")
	case len(args) > 1:
		return usage(c, "one topic at a time, please: %q is too much", args[1])
	}
	return topicName(c, args[0])
}

// somePatterns checks that the arguments are topics' names, or patterns.
func somePatterns(c *cobra.Command, args []string) error {
	_, err := parsePatterns(c, args)
	return err
}

// someTopics checks that the arguments are topics' names.
func someTopics(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usage(c, "no topic given")
	}
	for _, name := range args {
		if err := topicName(c, name); err != nil {
			return err
		}
	}
	return nil
}

func topicName(c *cobra.Command, name string) error {
	if err := topics.CheckName(name); err != nil {
		return usage(c, "%w", err)
	}
	return nil
}

// noTopic makes an error of the bus about a missing topic one that fits the shell.
func noTopic(b *bus.Bus, topic string, err error) error {
	if !errors.Is(err, bus.ErrNoTopic) {
		return err
	}
	return explain(err, "no topic %q on %s; 'buscat ls' shows those there are", topic, b.Dir())
}

// refusal says in the shell's words why a topic cannot be joined, or not any more. without is what to do where joining it is the trouble.
func refusal(b *bus.Bus, topic, without string, err error) error {
	switch {
	case errors.Is(err, bus.ErrPolicy):
		return explain(err, "topic %q overwrites, so nobody can keep all its frames; %s, or make it with 'buscat create --lossless'", topic, without)
	case errors.Is(err, bus.ErrLimit):
		return explain(err, "topic %q has no place for one more subscriber; %s, or make it with more --subscribers", topic, without)
	case errors.Is(err, bus.ErrKicked):
		return explain(err, "the subscription to topic %q was kicked, because publishers waited for it, and its last frames may be damaged; "+
			"begin again, or %s", topic, without)
	case mayRead(b, err):
		return explain(err, "topic %q cannot be joined: %s; %s", topic, denied(err), without)
	}
	return noTopic(b, topic, err)
}

// mayRead says of an error of joining a topic whether it means that the bus may be read only.
func mayRead(b *bus.Bus, err error) bool {
	if !errors.Is(err, fs.ErrPermission) {
		return false
	}
	_, err = b.Topics()
	return err == nil
}

// denied is the part of an error of the bus that says which file may not be opened, and why.
func denied(err error) string {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		return e.Error()
	}
	return text(err)
}

// An explained error says in the shell's words what the library said in those of its API.
type explained struct {
	text string
	err  error
}

func explain(err error, format string, args ...any) error {
	return &explained{fmt.Sprintf(format, args...), err}
}

func (e *explained) Error() string { return e.text }
func (e *explained) Unwrap() error { return e.err }
