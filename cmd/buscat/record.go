package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/foxglove/mcap/go/mcap"
	"github.com/spf13/cobra"

	"shmbus/bus"
	"shmbus/internal/mcapfile"
)

// recordOptions are the flags of record.
type recordOptions struct {
	path        string
	from        string
	compression string
	maxSize     byteSize
	maxTime     time.Duration
	duration    time.Duration
	limit       int64
	lossless    bool
	force       bool
}

func (a *app) recordCommand() *cobra.Command {
	o := &recordOptions{}
	c := &cobra.Command{
		Use:   "record -o FILE TOPIC...",
		Short: "Record topics into a file, to be replayed",
		Long: `Record writes the frames of one or more topics into an MCAP file (mcap.dev),
which 'buscat replay' and many other programs read. Topics may be patterns; a
topic that matches and is made later is recorded from its first frame, and one
that was given by name is waited for.

It reads as a tap does: publishers do not see it and do not wait for it. What it
loses is counted for each topic, said at the end, and kept in the file, in the
last metadata record "shmbus.lost". With --lossless it joins, publishers wait
for it, and nothing is lost; that is for topics made with --lossless.

It goes on until --limit or --duration, or until Ctrl-C, SIGTERM or SIGHUP (its
terminal is closed), after which the exit code is 130, 143 or 129, as for all
commands. Then what had been published by that time is recorded and the file is
closed. A second Ctrl-C, a tenth of a second after it or later, ends it at once.
Every frame is in the file within a second, also on a slow topic: when the
recorder is killed, even with SIGKILL, at most the last second is missing, and
replay reads the file as it is.

With --max-size or --max-time the files are FILE with a number before its
extension: run.mcap becomes run-0001.mcap, run-0002.mcap and so on. Each can be
replayed alone, or all of them in order with 'buscat replay run-*.mcap'.

With --from oldest what is in the rings is recorded first, in the order in which
it was published; of frames without a time it is not known when that was, and
they follow the others. What comes meanwhile follows these. Frames are held in
memory for that, about 64 MiB of them, and are not in the file until they are
written; where that is not enough, some may be recorded behind later ones.

In the file each topic is a channel, or two if it has raw frames and msgpack
ones. The channel's metadata have kind, policy, slots, cell, exclusive and
no_time, as 'buscat stat --json' has them. The publish time is the frame's, the
log time is when it was recorded, the sequence is the publisher's.`,
		Example: `  buscat record -o run.mcap 'sensors/**'
  buscat record -o imu.mcap --duration 10s sensors/imu/0 sensors/imu/1
  buscat record -o day.mcap --max-time 1h --compression lz4 '**'
  buscat record -o orders.mcap --lossless --limit 1000 orders
  buscat record -o now.mcap --from oldest --duration 0.2s '**'      what is in the rings`,
		Args: func(c *cobra.Command, args []string) error {
			_, err := parsePatterns(c, args)
			return err
		},
		RunE: func(c *cobra.Command, args []string) error { return a.runRecord(c, args, o) },
	}
	f := c.Flags()
	f.SortFlags = false
	f.StringVarP(&o.path, "output", "o", "", "the `file` to write")
	f.BoolVar(&o.force, "force", false, "replace it if it is there; with --max-size or --max-time all its\nnumbered files")
	f.StringVar(&o.from, "from", "newest", "`where` to start in topics that are there: newest or oldest")
	f.BoolVar(&o.lossless, "lossless", false, "join the topics: publishers wait for the recorder, and nothing is lost;\nfor topics made with --lossless")
	f.Int64Var(&o.limit, "limit", 0, "stop after `N` frames")
	f.DurationVar(&o.duration, "duration", 0, "stop after so long, like 90s or 1h30m")
	f.Var(&o.maxSize, "max-size", "begin another file before one becomes larger than `bytes`, like 100MB")
	f.DurationVar(&o.maxTime, "max-time", 0, "begin another file when one is so old, like 10m")
	f.StringVar(&o.compression, "compression", "zstd", "zstd, lz4 or none")
	return c
}

func (o *recordOptions) check(c *cobra.Command) error {
	changed := c.Flags().Changed
	switch {
	case o.path == "":
		return usage(c, "no file given; add -o FILE")
	case o.path == "-":
		return usage(c, "-o -: a recording goes to a file, not to standard output; ./- is a file of that name")
	case o.from != "newest" && o.from != "oldest":
		return usage(c, "--from %q: it is newest or oldest", o.from)
	case o.compression != "zstd" && o.compression != "lz4" && o.compression != "none":
		return usage(c, "--compression %q: it is zstd, lz4 or none", o.compression)
	case changed("limit") && o.limit <= 0:
		return usage(c, "--limit %d: it is a number of frames, above 0", o.limit)
	case changed("duration") && o.duration <= 0:
		return usage(c, "--duration %v: it has to be above 0", o.duration)
	case changed("max-time") && o.maxTime <= 0:
		return usage(c, "--max-time %v: it has to be above 0", o.maxTime)
	}
	return nil
}

// errRecordedEnough ends a recording that has all the frames it was asked for.
var errRecordedEnough = errors.New("that is enough")

func (a *app) runRecord(c *cobra.Command, args []string, o *recordOptions) error {
	patterns, err := parsePatterns(c, args)
	if err == nil {
		err = o.check(c)
	}
	if err != nil {
		return err
	}
	b, err := a.open(c)
	if err != nil {
		return err
	}
	defer b.Close()
	finishing.Add(1) // main must not end the process before the file is closed
	finished := sync.OnceFunc(finishing.Done)
	defer finished()

	ctx, stop := context.WithCancelCause(c.Context())
	defer stop(nil)
	r := &recorder{app: a, bus: b, limit: uint64(o.limit), topics: make(map[string]*recording), channels: make(map[channelKey]*mcap.Channel)}
	r.reel = &reel{
		path: o.path, force: o.force, maxSize: int64(o.maxSize), maxTime: o.maxTime, ending: r.noteLosses,
		options: mcapfile.Options{Library: version(), Compression: compressions[o.compression], Failed: func(err error) { stop(err) }},
	}
	if err := r.reel.begin(); err != nil {
		return err
	}
	if o.duration > 0 {
		timer := time.AfterFunc(o.duration, func() { stop(context.Canceled) })
		defer timer.Stop()
	}
	f := &follower{app: a, bus: b, patterns: patterns, run: r.run, refused: r.refused, explain: r.refusal}
	f.waits = func(topic string) { a.say("waiting for topic %q on %s", topic, b.Dir()) }
	f.options = []bus.SubscribeOption{bus.FromNewest(), bus.ReadOnly()}
	if o.from == "oldest" {
		f.options[0] = bus.FromOldest()
	}
	if o.lossless {
		f.options[1] = bus.Lossless()
	}
	quiet := r.showProgress()
	if o.from == "oldest" {
		err = r.catchUp(ctx, stop, f)
	} else {
		err = f.follow(ctx)
	}
	quiet()
	return r.end(err, f.left(), finished)
}

var compressions = map[string]mcap.CompressionFormat{"zstd": mcap.CompressionZSTD, "lz4": mcap.CompressionLZ4, "none": mcap.CompressionNone}

// end closes the file, tells what was recorded, and says what the error means that ended the recording. left is an error if topics were left
// out: then a file without a frame is none that was wanted. finished is called when the file is what it is to be, and what there is to tell has had its time.
func (r *recorder) end(err, left error, finished func()) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	closed := r.reel.close()
	wanted := errors.Is(err, errRecordedEnough) || errors.Is(err, context.Canceled)
	switch {
	case closed != nil:
		err = closed
	case wanted:
		err = left
	}
	if err != nil {
		r.reel.discard()
	}
	time.AfterFunc(stuckOutput, finished)
	if r.reel.kept == 0 && err != nil {
		return err
	}
	r.say("recorded %s in %s, %s", frames(r.reel.kept), r.reel.what(), size(r.reel.total()))
	r.tellLosses()
	for _, name := range r.reel.missing {
		r.say("%s was renamed, removed or replaced meanwhile: what is there now is not this recording", name)
	}
	if closed != nil {
		return fmt.Errorf("%w; what is in the file can be replayed", closed)
	}
	return err
}

// refusal says what it means that a topic cannot be recorded, or not any more.
func (r *recorder) refusal(topic string, err error) error {
	return refusal(r.bus, topic, "record it without --lossless", err)
}

// refused is told of topics that match a pattern and cannot be recorded.
func (r *recorder) refused(topic string, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, bus.ErrClosed) {
		return err
	}
	r.say("%s; it is left out", text(r.refusal(topic, err)))
	return nil
}

// A recorder is one run of record.
type recorder struct {
	*app
	bus   *bus.Bus
	limit uint64 // frames; 0: as many as come

	backlog *backlog // nil: recorded is what comes

	mu       sync.Mutex
	reel     *reel
	topics   map[string]*recording
	channels map[channelKey]*mcap.Channel
	message  mcap.Message
	frames   uint64
	noted    time.Time // when losses were last written into the file
	over     error     // why nothing is written any more
}

// A recording is what was recorded of a topic, by all subscriptions that there were to it.
type recording struct {
	name   string
	frames uint64
	lost   uint64
	before uint64 // lost before the file that is being written was begun
}

// A channelKey is what a channel is for. What the topic is like may differ when it was removed and made again.
type channelKey struct {
	topic             string
	kind              bus.Kind
	policy            bus.Policy
	slots, cell       int
	exclusive, noTime bool
}

// channel is the channel for frames of that kind.
func (r *recorder) channel(t *feed, kind bus.Kind) (*mcap.Channel, error) {
	key := channelKey{t.name, kind, t.shape.Policy, t.shape.Slots, t.shape.CellSize, t.shape.Exclusive, t.shape.NoTime}
	if c := r.channels[key]; c != nil {
		return c, nil
	}
	if len(r.channels) >= maxChannels {
		return nil, fmt.Errorf("a file has room for %d channels; record fewer topics", maxChannels)
	}
	c := &mcap.Channel{ID: uint16(len(r.channels) + 1), Topic: t.name, Metadata: map[string]string{metaKind: kindName(kind)}}
	if kind == bus.KindMsgpack {
		c.MessageEncoding = encodingMsgpack
	}
	if t.shape.Slots > 0 {
		c.Metadata[metaPolicy] = t.shape.Policy.String()
		c.Metadata[metaSlots] = fmt.Sprint(t.shape.Slots)
		c.Metadata[metaCell] = fmt.Sprint(t.shape.CellSize)
		c.Metadata[metaExclusive] = fmt.Sprint(t.shape.Exclusive)
		c.Metadata[metaNoTime] = fmt.Sprint(t.shape.NoTime)
	}
	r.channels[key] = c
	return c, nil
}

const maxChannels = 1<<16 - 1

// What is in a channel, beside the topic's name.
const (
	encodingMsgpack = "msgpack"
	metaKind        = "kind"
	metaPolicy      = "policy"
	metaSlots       = "slots"
	metaCell        = "cell"
	metaExclusive   = "exclusive"
	metaNoTime      = "no_time"
)

// metaLost is the name of the metadata record with the losses: how many frames of each topic were lost while that file was written. The
// last one in a file counts.
const metaLost = "shmbus.lost"

func kindName(k bus.Kind) string {
	if k == bus.KindMsgpack {
		return "msgpack"
	}
	return "raw"
}
