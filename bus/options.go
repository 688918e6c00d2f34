package bus

import (
	"io/fs"
	"strconv"

	"github.com/hashicorp/go-hclog"

	"shmbus/segment"
	"shmbus/topics"
	"shmbus/wake"
)

// Policy says what a publisher does when a topic's ring is full. It is fixed when the topic is made.
type Policy = topics.Policy

const (
	// PolicyOverwrite is the default: publishers never wait for subscribers. A subscriber that is too slow is lapped, and told
	// exactly how many frames it lost.
	PolicyOverwrite = topics.PolicyOverwrite
	// PolicyLossless: publishers wait for the slowest lossless subscription. While there is none they overwrite.
	PolicyLossless = topics.PolicyLossless
)

// Kind says how a frame's bytes are encoded.
type Kind = topics.Kind

const (
	// KindRaw: bytes as the publisher gave them.
	KindRaw = topics.KindRaw
	// KindMsgpack: one msgpack value, from Encode.
	KindMsgpack = topics.KindMsgpack
)

// TopicOptions is the shape of a topic, fixed when it is made. Zeros stand for the defaults.
type TopicOptions struct {
	// Slots is the number of slots in the ring, rounded up to a power of two; 8192 by default. A frame takes as many slots as
	// its bytes need cells, at least one, and at most half the ring.
	Slots int
	// CellSize is the number of payload bytes in a slot, rounded up to a power of two from 64 to 65536; 64 by default. The ring
	// takes Slots * (CellSize + 64) bytes of memory; its cells have at most 1 TiB.
	CellSize int
	// Policy says whether publishers wait for lossless subscriptions; PolicyOverwrite by default.
	Policy Policy
	// Exclusive topics take one publisher at a time. It is a little faster.
	Exclusive bool
	// NoTime leaves out the frames' time, which saves the publisher a look at the clock.
	NoTime bool
	// Ephemeral topics go with their last participant: when all who had a publisher or a subscription open have closed it or died, the
	// topic is removed. Taps do not count, and until the first has come it stays.
	Ephemeral bool
	// MaxPublishers is how many publishers may be open at once; 64 by default, 4096 at most.
	MaxPublishers int
	// MaxSubscribers is how many subscriptions may be open at once, taps not counted; 64 by default, 4096 at most. A group takes a
	// place of its own, beside those of its members.
	MaxSubscribers int
}

// Check says what is wrong with a shape, if anything: CreateTopic and Publisher refuse it with the same words.
func (o TopicOptions) Check() error {
	_, err := o.geometry()
	return err
}

func (o TopicOptions) geometry() (topics.Geometry, error) {
	return topics.Geometry{
		Slots: o.Slots, CellSize: o.CellSize, Policy: o.Policy, Exclusive: o.Exclusive, NoTime: o.NoTime,
		Publishers: o.MaxPublishers, Subscriptions: o.MaxSubscribers,
	}.Normal()
}

// An Option changes how a Bus is opened.
type Option func(*config)

type config struct {
	segment string
	files   segment.Options
	log     hclog.Logger

	reserved bool // topics that are
}

// reservedPrefix begins the names of the topics on which busd tells about the bus.
const reservedPrefix = "$bus/"

// WithReserved lets this Bus make and publish on topics under "$bus/": busd and the runners of its plugins tell there about the bus. For all
// others it is an error, ErrReserved, so that what is read there can be relied on. It is a convention, not a protection: whoever may
// write to the bus directory may use this option.
func WithReserved() Option { return func(c *config) { c.reserved = true } }

// WithSegment names the registry segment that new topics go to: NAME.seg in the bus directory. The default is "main". Topics are
// found in whatever segment they are.
func WithSegment(name string) Option { return func(c *config) { c.segment = name } }

// WithMode sets the permission of the bus directory, when this Bus makes it; 0700 by default. The files in it get the same
// without the x bits: 0750 lets the group tap, 0770 lets it publish. The umask does not matter.
func WithMode(mode fs.FileMode) Option { return func(c *config) { c.files.Mode = mode } }

// WithGroup sets the group id of the bus directory and its files, when this Bus makes them.
func WithGroup(gid int) Option { return func(c *config) { c.files.Group = &gid } }

// WithEphemeral makes the segment that this Bus makes ephemeral: it is removed, with all its topics, when the last Bus that has joined
// it, with a publisher, a subscription that is no tap, or by making a topic, is closed or has died. After a death another
// Bus removes it that has a publisher or subscription anywhere on the bus, within some seconds, or the next that comes. A segment that is there stays as it was made.
func WithEphemeral() Option { return func(c *config) { c.files.Ephemeral = true } }

// WithMaxParticipants is how many bus handles may be open on a segment that this Bus makes; 1024 by default, 65535 at most.
func WithMaxParticipants(n int) Option { return func(c *config) { c.files.Participants = n } }

// WithLogger makes the Bus log what it does; nothing is logged by default. Nothing is logged per frame. The logger must not call the Bus: it is called amid the Bus's
// own calls, under its locks.
func WithLogger(l hclog.Logger) Option { return func(c *config) { c.log = l } }

// A PublisherOption changes how a Publisher is opened.
type PublisherOption func(*publisherConfig)

type publisherConfig struct {
	topic TopicOptions
	set   bool
	early bool
}

// WithTopic is the shape of the topic if it has to be made. If it exists, its policy must be the same (ErrPolicy); everything else
// stays as it was made.
func WithTopic(o TopicOptions) PublisherOption {
	return func(c *publisherConfig) { c.topic, c.set = o, true }
}

// EarlyWake wakes subscribers that sleep while a frame of 32 KiB or more is still being written, as soon as Loan has lent room for it or when
// Publish has 256 KiB left to copy, so that both go on at the same time. Who is awake too early looks for the frame for up to 40 µs, and then sleeps
// on. It pays where publisher and subscribers have CPUs of their own: frames of 64 KiB and of 1 MiB are there after nine tenths of the time. Where the
// kernel would let them take turns on one CPU it can cost more than that. A publisher whose subscribers have gone back to sleep each time tries it
// seldom. PublishBatch and Encode do not do it.
func EarlyWake() PublisherOption { return func(c *publisherConfig) { c.early = true } }

// A SubscribeOption changes how a Subscriber is opened.
type SubscribeOption func(*subscribeConfig)

type subscribeConfig struct {
	mode    topics.Mode
	said    bool // an option has said the mode
	member  bool // of the group
	group   string
	start   topics.Start
	from    uint64
	wait    bool
	onWait  func()
	latest  bool
	waiting wake.Strategy
}

// Lossless makes the subscription a gate: publishers wait for it, frames are not copied, and none is lost. The topic must
// have PolicyLossless.
func Lossless() SubscribeOption { return as(topics.Gate) }

// Lossy is the default: frames are copied before they are handed out, publishers do not wait, and Lost counts what was missed.
func Lossy() SubscribeOption { return as(topics.Lossy) }

// as makes an option that says how frames are read, whatever one before it has said.
func as(m topics.Mode) SubscribeOption {
	return func(c *subscribeConfig) { c.mode, c.said = m, true }
}

// Group makes the subscription a member of the group of that name: each frame goes to exactly one of the members, on any number of
// processes, so that the topic is a work queue. Frames are not copied, a member has one in hand at a time, and publishers wait for
// the group as for a lossless subscription. A frame whose member dies or closes before it has released it goes to another one; see
// Frame.Attempt. If a member dies, or another goroutine closes it, amid a call, a frame may come again that was released. The group is made by its first member, whose start option counts, and goes with its last. The topic must have
// PolicyLossless; names are as topics' names, of at most 32 bytes. A Group is lossless, with or without Lossless; together with Lossy or ReadOnly it is an error (ErrPolicy).
func Group(name string) SubscribeOption {
	return func(c *subscribeConfig) { c.member, c.group = true, name }
}

// settle makes a member of who is to be in a group. hint: what was asked for together cannot be.
func (c *subscribeConfig) settle() (hint string) {
	switch {
	case !c.member:
	case c.said && c.mode == topics.Tap:
		return "a member of a Group marks what it takes, and ReadOnly may write nothing; leave one of them out"
	case c.said && c.mode == topics.Lossy:
		return "a Group gets every frame, and Lossy may miss some; leave one of them out"
	default:
		c.mode = topics.Member
	}
	if c.latest && c.mode >= topics.Gate {
		return "LatestOnly passes frames over; a Lossless subscription or a Group gets every one"
	}
	return ""
}

// ReadOnly makes the subscription a tap: as Lossy, but it maps the segment read-only, needs no more than permission to read
// it, takes no place and cannot be seen by others.
func ReadOnly() SubscribeOption { return as(topics.Tap) }

// FromNewest is the default: start with the first frame published after Subscribe.
func FromNewest() SubscribeOption { return from(topics.Newest(), 0) }

// FromOldest starts with the oldest frame that is still there.
func FromOldest() SubscribeOption { return from(topics.Oldest(), 0) }

// FromPosition starts with the first frame whose Position is not below pos: to go on behind a frame f, give f.Position()+1. If
// that has been overwritten, it starts with the oldest frame. If that is still to come, frames before it that are overwritten before they
// were passed over count as lost all the same. A Group passes nothing over: it starts with the next frame then.
func FromPosition(pos uint64) SubscribeOption { return from(topics.AtPosition(pos), pos) }

// LastN starts with the n newest frames, or as many as there are: room for new ones is made ahead, and of frames of one slot seven eighths of Slots are
// sure to be there.
func LastN(n int) SubscribeOption { return from(topics.Last(n), 0) }

// from makes an option that says where to start, whatever one before it has said. Frames below pos are passed over.
func from(start topics.Start, pos uint64) SubscribeOption {
	return func(c *subscribeConfig) { c.start, c.from = start, pos }
}

// LatestOnly makes Receive pass over all frames but the newest: for readers of a state who have no use for what it was before. It
// waits if nothing has been published since the last. The frames passed over count as lost. It is for subscriptions that copy, not for
// Lossless ones and Groups (ErrPolicy).
func LatestOnly() SubscribeOption { return func(c *subscribeConfig) { c.latest = true } }

// WaitForTopic makes Subscribe wait until the topic is there, and start with its first frame if it was made after the call. When the
// topic is removed, or its segment deleted, the subscription waits for it to be made again, and starts with the first frame of that one.
// If it cannot join that one, whose places are taken or which overwrites where Lossless was asked for, Receive says so, and the next Receive tries again.
// It joins a moment after the topic was made. What publishers have overwritten by then is gone: Lost says how many frames that were, also
// for a lossless subscription, which publishers do not wait for before it is there. A Group starts with the oldest frame, and counts none.
func WaitForTopic() SubscribeOption { return func(c *subscribeConfig) { c.wait = true } }

// OnWait is WaitForTopic with a word about it: f is called each time the subscription finds its topic missing and begins to wait
// for it, in Subscribe and in Receive, on the caller's goroutine.
func OnWait(f func()) SubscribeOption {
	return func(c *subscribeConfig) { c.wait, c.onWait = true, f }
}

// Spin makes Receive look for frames without ever sleeping: it has the least latency and takes a whole CPU.
func Spin() SubscribeOption { return func(c *subscribeConfig) { c.waiting = wake.Spin } }

// Block makes Receive sleep when there is no frame: it burns no CPU. Only close to the end of a stream it lets 2.5 microseconds pass, once or twice, less
// than a sleep costs. Without Spin and Block it looks a little while as long as that has paid lately, then sleeps.
func Block() SubscribeOption { return func(c *subscribeConfig) { c.waiting = wake.Block } }

func quote(s string) string { return strconv.Quote(s) }
