package report

import (
	"fmt"
	"math"
)

// The series.
const (
	GrowthCalls       = "growth-calls"
	GrowthSubscribers = "growth-subscribers"
	GrowthTopics      = "growth-topics"
	GrowthAttach      = "growth-attach"
	GrowthBlocked     = "growth-blocked"
	GrowthRings       = "growth-rings"
	GrowthFrames      = "growth-frames"
	GrowthWaiting     = "growth-waiting"
	GrowthTail        = "growth-tail"
	GrowthIdle        = "growth-idle"
)

// A kind is how a series is shown.
type kind struct {
	name, title string
	text        string // what is measured
	x           string // what grows
	place       func(x float64) string
	columns     []column
	plot        string   // the column that is plotted
	also        []view   // what else is plotted, below it
	limits      []limit  // the marks of columns that are plotted
	skip        []string // curves that are not plotted
	notes       func(g *Growth) []string
}

// A column is a figure.
type column struct {
	key, head string
	show      func(v float64) string
	most      bool // the largest of all rounds, instead of their median
}

func (k *kind) column(key string) column {
	for _, c := range k.columns {
		if c.key == key {
			return c
		}
	}
	return column{key: key, head: key, show: digits}
}

// remarks are what the figures say.
func (k *kind) remarks(g *Growth) []string {
	if k.notes == nil {
		return nil
	}
	return k.notes(g)
}

func kindOf(name string) *kind {
	for i := range kinds {
		if kinds[i].name == name {
			return &kinds[i]
		}
	}
	return &kind{name: name, title: name, x: "x", place: whole}
}

// Place is how a place of a series is shown.
func Place(series string, x float64) string { return kindOf(series).place(x) }

func whole(v float64) string   { return fmt.Sprintf("%.0f", v) }
func kib(v float64) string     { return digits(v/1024) + " KiB" }
func small(v float64) string   { return fmt.Sprintf("%.4f", v) }
func percent(v float64) string { return digits(100*v) + " %" }
func perSec(v float64) string  { return digits(v) + " GB/s" }

func size(v float64) string {
	if v >= 1<<30 && math.Mod(v, 1<<30) == 0 {
		return fmt.Sprintf("%.0f GiB", v/(1<<30))
	}
	if v >= 1<<20 && math.Mod(v, 1<<20) == 0 {
		return fmt.Sprintf("%.0f MiB", v/(1<<20))
	}
	if v >= 1<<10 && math.Mod(v, 1<<10) == 0 {
		return fmt.Sprintf("%.0f KiB", v/(1<<10))
	}
	return fmt.Sprintf("%.0f B", v)
}

func beside(v float64) string {
	names := []string{"nothing", "garbage", "both"}
	return names[min(max(int(v), 0), len(names)-1)]
}

// The places of GrowthIdle, and its curve.
const (
	IdleSubscriber = iota
	IdleTap
	IdleLossless
	IdleBusd
	IdleWaitSet

	IdleCurve = "waiting"
)

// IdleNames are what those places are.
var IdleNames = []string{
	IdleSubscriber: "a blocked subscriber", IdleTap: "buscat tap", IdleLossless: "buscat tap --lossless", IdleBusd: "busd", IdleWaitSet: "a WaitSet of 1000",
}

func idleName(v float64) string { return IdleNames[min(max(int(v), 0), len(IdleNames)-1)] }

// latencies are those columns.
var latencies = []column{
	{key: "p50", head: "p50", show: Duration},
	{key: "p99", head: "p99", show: Duration},
	{key: "p999", head: "p99.9", show: Duration},
	{key: "max", head: "largest of all", show: Duration, most: true},
}

// The curves of GrowthCalls.
const (
	PublishCurve     = "Publish, nobody reads"
	PublishTimeCurve = "Publish with the frame's time"
	ReceiveCurve     = "Receive of what waits"
)

// Curves of GrowthBlocked.
const (
	OwnTopicCurve = "each on a topic of its own"
	OwnFutexCurve = "a futex each, no bus"
)

var kinds = []kind{
	{
		name: GrowthCalls, title: "Cost as it grows: a call",
		text: "One thread on a CPU of its own, one frame a call, a lossless topic: *Publish* with no subscription there, without times and with them; and *Receive* with " +
			"its *Release*, of frames that the same thread has published before, an eighth of the ring at a time. *A copy and a stamp* is what a call has to do at least, in as much memory. *Allocations* are those of the whole process.",
		x: "frame", place: size, plot: "ns", limits: []limit{
			{"ns", publishMost, PublishCurve, 64}, {"ns", timeMost, PublishTimeCurve, 64}, {"ns", receiveMost, ReceiveCurve, 64},
		}, notes: callsCliff,
		columns: []column{
			{key: "ns", head: "a frame", show: Duration},
			{key: "allocations", head: "allocations, a frame", show: small, most: true},
		},
	},
	{
		name: GrowthSubscribers, title: "Cost as it grows: subscribers",
		text: "One publisher with a CPU of its own, and one process with all the subscriptions, each with a goroutine, on the other CPU. Frames of 64 " +
			"bytes, one a call. *A frame* is the time until all subscribers have it or know that it is lost; *at the publisher* is the time of its " +
			"calls, in which a lossless topic waits for the slowest subscriber.",
		x: "subscribers", place: whole, plot: "publisher", also: []view{{key: "received"}}, notes: subscribersNotes,
		columns: []column{
			{key: "publisher", head: "at the publisher", show: Duration},
			{key: "ns", head: "a frame", show: Duration},
			{key: "received", head: "received", show: percent},
			{key: "switches", head: "switches of threads, a frame", show: small},
		},
	},
	{
		name: GrowthTopics, title: "Cost as it grows: topics",
		text: "One process publishes frames of 64 bytes on all topics in turn, and receives from all of them with one WaitSet: two goroutines that do it " +
			"at once, on two CPUs, or one that publishes on each topic once and then receives that; and the same without a bus, a line of payload and a line that " +
			"says so in as many rings. Rings have 256 slots. Nobody is pinned.",
		x: "topics", place: whole, plot: "ns", notes: topicsNotes,
		columns: []column{
			{key: "ns", head: "a frame", show: Duration},
			{key: "switches", head: "switches of threads, a frame", show: small},
		},
	},
	{
		name: GrowthAttach, title: "Cost as it grows: coming to a bus with many topics",
		text: "A new process, each turn. *First subscription* is from opening the bus to one subscription on one of the topics. Then it opens a " +
			"subscription on each topic, and then a publisher on each. Memory is what only the process has, with its page tables, for each; and what the " +
			"topic's part of the file has beyond its ring.",
		x: "topics", place: whole, plot: "attach", limits: []limit{{key: "attach", most: attachMost}}, notes: attachNotes,
		columns: []column{
			{key: "attach", head: "first subscription", show: Duration},
			{key: "subscribe", head: "a subscription", show: Duration},
			{key: "publisher", head: "a publisher", show: Duration},
			{key: "subscription", head: "memory of a subscription", show: kib},
			{key: "publication", head: "of a publisher", show: kib},
			{key: "shared", head: "of the topic in the file", show: kib},
			{key: "make", head: "to make one more", show: Duration},
		},
	},
	{
		name: GrowthBlocked, title: "Cost as it grows: goroutines that wait",
		text: "One process whose goroutines wait, blocking, on one topic or on a topic each; another one publishes one frame at a time, when all wait " +
			"again: to all, or on a topic drawn at random. Both are new processes each turn. From just before Publish to the return of Receive, in each goroutine. *Publish* is the time of that call. " +
			"*A futex each, no bus* are as many threads, that wait each on a word of its own for the two lines of a frame, and are woken in the same way.",
		x: "goroutines", place: whole, plot: "p50", notes: blockedNotes,
		columns: []column{
			{key: "p50", head: "p50 of all", show: Duration},
			{key: "p99", head: "p99 of all", show: Duration},
			{key: "first", head: "the first", show: Duration},
			{key: "last", head: "the last", show: Duration},
			{key: "wake", head: "Publish", show: Duration},
			{key: "cpu", head: "processor time, a frame", show: Duration},
			{key: "threads", head: "threads, at most", show: whole, most: true},
		},
	},
	{
		name: GrowthRings, title: "Cost as it grows: the ring",
		text: "Frames of 64 bytes, one a call, in rings of all sizes: with nobody there; and to another process, that spins. *The same stores, no bus* " +
			"writes a line of payload and a line that says so for each frame, in memory of the same size. *Make* is CreateTopic; *a file alone* " +
			"is what the kernel takes to reserve as much in a file, to map all of it for writing, and to unmap it; *come to* is Publisher by another handle, which maps it all.",
		x: "ring", place: size, plot: "ns", skip: []string{"make"}, notes: ringsNotes,
		columns: []column{
			{key: "ns", head: "a frame", show: Duration},
			{key: "make", head: "make", show: Duration},
			{key: "reserve", head: "a file alone", show: Duration},
			{key: "attach", head: "come to", show: Duration},
			{key: "remove", head: "remove", show: Duration},
		},
	},
	{
		name: GrowthFrames, title: "Cost as it grows: the frame",
		text: "From one process to another, that spins, one frame a call; beside memory that one core fills and the other one reads with no bus, also with lines taken, and a " +
			"copy within one process. Rings have 8192 frames or about 4 MiB, whichever is less, but no fewer than four frames.",
		x: "frame", place: size, plot: "ns", notes: framesNotes,
		columns: []column{
			{key: "ns", head: "a frame", show: Duration},
			{key: "gbs", head: "bytes", show: perSec},
		},
	},
	{
		name: GrowthWaiting, title: "Wake latency against CPU burnt",
		text: "A publisher publishes with gaps that are drawn at random from half to one and a half times the one that is named; it looks at the clock " +
			"meanwhile. One subscriber in another process receives. From just before Publish to the return of Receive, beside the processor time " +
			"that the subscriber's process took, all its threads together.",
		x: "gap", place: Duration, plot: "p50", also: []view{{key: "cpu"}, {key: "p50", against: "cpu", labelled: "block"}}, notes: waitingNotes,
		columns: append([]column{{key: "cpu", head: "part of a CPU", show: percent}, {key: "publish", head: "Publish", show: Duration}}, latencies...),
	},
	{
		name: GrowthTail, title: "The tail, and what the process does meanwhile",
		text: "Frames with gaps of about 20 µs from one process to another, which does nothing else; or also allocates, so that garbage is collected " +
			"every few milliseconds (*garbage*); or has a goroutine that computes as well (*both*). *A loop, no bus*, waits in the same way for moments of its own " +
			"instead of frames, and looks at the clock: what a Go program sees on this machine. The publisher's process keeps one of " +
			"the two CPUs.",
		x: "meanwhile", place: beside, plot: "p999", notes: tailNotes,
		columns: append([]column{{key: "collections", head: "collections a turn", show: whole}}, latencies...),
	},
	{
		name: GrowthIdle, title: "What waiting takes",
		text: "Processes that wait side by side, all in the same turn, for frames that do not come: by the kernel's clock of each process, all its threads together. The first " +
			"two seconds do not count. The bus has eleven topics, with a publisher each that does nothing; the WaitSet's has 1000. *busd* has no plugins, and nobody looks at its page.",
		x: "process", place: idleName, plot: "cpu",
		columns: []column{
			{key: "cpu", head: "of a CPU", show: percent},
			{key: "long", head: "in a turn of", show: Duration},
		},
	},
}
