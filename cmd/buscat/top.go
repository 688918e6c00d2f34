package main

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/spf13/cobra"

	"shmbus/bus"
	"shmbus/internal/cli"
)

// topOptions are the flags of top.
type topOptions struct {
	every  time.Duration
	sort   string
	filter string
}

func (a *app) topCommand() *cobra.Command {
	o := &topOptions{}
	c := &cobra.Command{
		Use:   "top",
		Short: "Show the topics live, with their rates, lag and losses",
		Long: `Top shows all topics on a terminal, and looks at them again each second: frames
and bytes a second with their last minute, publishers, subscribers, the lag of
the subscriber that is furthest behind (in slots, and in hundredths of the
ring), frames that subscribers lost, and how long publishers waited for room.

It only reads, joins nothing, and slows nobody. It may be started before the bus
is there. Taps cannot be seen.

Keys:
` + topKeys,
		Example: `  buscat top
  buscat top --sort lag --filter 'sensors/**'
  buscat top --interval 200ms`,
		Args: cli.Nothing,
		RunE: func(c *cobra.Command, _ []string) error { return a.runTop(c, o) },
	}
	f := c.Flags()
	f.SortFlags = false
	f.DurationVar(&o.every, "interval", time.Second, "look again after that `time`")
	f.StringVar(&o.sort, "sort", "rate", "sort by `what`: "+strings.Join(topSorts, ", "))
	f.StringVar(&o.filter, "filter", "", "show only topics with that `text` in their names, or that match it if it is a\npattern with *")
	return c
}

// leastInterval is the shortest --interval: shorter ones would cost more than they show.
const leastInterval = 50 * time.Millisecond

func (a *app) runTop(c *cobra.Command, o *topOptions) error {
	by := slices.Index(topSorts, o.sort)
	out, ok := a.out.(*os.File)
	switch {
	case o.every < leastInterval:
		return usage(c, "--interval %v: at least %v, please", o.every, leastInterval)
	case by < 0:
		return usage(c, "--sort %q: it is one of %s", o.sort, strings.Join(topSorts, ", "))
	case !ok || !isTerminal(out):
		return usage(c, "top needs a terminal on standard output; 'buscat ls --watch' and 'buscat ls --json' are for pipes and files")
	}
	b, err := a.open(c)
	if err != nil {
		return err
	}
	defer b.Close()
	p := &topProgram{ctx: c.Context(), bus: b, every: o.every, model: &topModel{dir: b.Dir(), sort: by, filter: printable(o.filter)}}
	options := []tea.ProgramOption{tea.WithContext(p.ctx), tea.WithOutput(out), tea.WithoutSignalHandler(), tea.WithFPS(30)}
	_, err = tea.NewProgram(p, options...).Run()
	switch {
	case err != nil && p.ctx.Err() != nil: // somebody ended it from outside
		return nil
	case err == nil && p.interrupted:
		return cli.Signalled{Signal: os.Interrupt}
	}
	return err
}

// A topProgram is a topModel between a terminal and a bus. Bubble Tea calls its methods one at a time, and the commands that they
// return on goroutines of their own.
type topProgram struct {
	ctx   context.Context
	bus   *bus.Bus
	every time.Duration
	model *topModel
	// The looks at the bus and at the open topic follow each other in two loops. A loop of an earlier number ends.
	busLoop, topicLoop int

	interrupted bool // by ctrl-c, which sends no signal here
}

type (
	topTick    struct{ bus, topic int } // time for the next look
	topResumed struct{}                 // after topSuspend
	topBus     struct {
		loop   int
		sample topSample
	}
	topTopicLook struct {
		loop int
		look topicLook
	}
)

// Init starts to look.
func (p *topProgram) Init() tea.Cmd { return p.lookAtBus() }

// View is the screen.
func (p *topProgram) View() tea.View {
	v := tea.NewView(p.model.view())
	v.AltScreen = true
	v.WindowTitle = "buscat top"
	return v
}

// Update takes what has happened.
func (p *topProgram) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	m := p.model
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tea.PasteMsg:
		if m.editing {
			m.edit("", msg.Content)
		}
	case tea.KeyPressMsg:
		switch m.key(msg.String(), msg.Text) {
		case topQuit:
			return p, tea.Quit
		case topInterrupt:
			p.interrupted = true
			return p, tea.Quit
		case topLook:
			return p, p.lookAtTopic()
		case topResume:
			return p, p.lookAtAll()
		case topSuspend:
			return p, suspend()
		}
	case topResumed:
		if m.paused {
			return p, tea.ClearScreen
		}
		return p, tea.Batch(tea.ClearScreen, p.lookAtAll())
	case topBus:
		if msg.loop == p.busLoop && !m.paused {
			m.add(msg.sample)
			return p, tea.Tick(p.every, func(time.Time) tea.Msg { return topTick{bus: msg.loop} })
		}
	case topTopicLook:
		if msg.loop == p.topicLoop && !m.paused && m.open != "" {
			m.look(msg.look)
			return p, tea.Tick(min(p.every, topicInterval), func(time.Time) tea.Msg { return topTick{topic: msg.loop} })
		}
	case topTick:
		switch {
		case m.paused:
		case msg.bus == p.busLoop:
			return p, p.lookAtBus()
		case msg.topic == p.topicLoop:
			return p, p.lookAtTopic()
		}
	}
	return p, nil
}

// topicInterval is how often the open topic is looked at, unless the interval is shorter.
const topicInterval = 250 * time.Millisecond

func (p *topProgram) lookAtAll() tea.Cmd { return tea.Batch(p.lookAtBus(), p.lookAtTopic()) }

func (p *topProgram) lookAtBus() tea.Cmd {
	p.busLoop++
	loop, shown := p.busLoop, p.model.shown
	return func() tea.Msg { return topBus{loop, sampleBus(p.bus, shown)} }
}

func (p *topProgram) lookAtTopic() tea.Cmd {
	p.topicLoop++
	loop, topic := p.topicLoop, p.model.open
	if topic == "" {
		return nil
	}
	return func() tea.Msg {
		l := lookAt(p.ctx, p.bus, topic)
		if errors.Is(l.err, context.Canceled) {
			return nil
		}
		return topTopicLook{loop, l}
	}
}
