//go:build shmbus_sched

package topics

import (
	"fmt"

	"shmbus/internal/sched"
)

// plots are the scenarios. Each is made anew, for a search of its own.
func plots() []*plot {
	return []*plot{
		writersAndGate(),
		mixedSizes(),
		writersAndLossy(),
		lonely(1),
		lonely(2),
		batches(),
		batchesAndJoiner(),
		runsAndGate(1),
		runsAndGate(2),
		runsAndGate(mostRun),
		runsOfTwo(),
		batchAndJoiner(Gate),
		batchAndJoiner(Lossy),
		runsAndLossy(),
		runAndNewest(),
		runAndJoiner(Lossy),
		runAndJoiner(Gate),
		runWriterDies(),
		runMembers(),
		runMemberDies(),
		growsAndGate(1),
		growsAndGate(2),
		growsAndGate(mostRun),
		growsAndLossy(),
		growsOverJoiner(),
		growsUneven(),
		growsAndOldest(),
		growsAgain(),
		growsAndNewest(),
		growsAndJoiner(Tap, Newest(), "newest"),
		growsAndJoiner(Lossy, Newest(), "newest"),
		growsAndJoiner(Gate, Newest(), "newest"),
		growsAndJoiner(Lossy, Last(1), "last"),
		growsAndJoiner(Lossy, Last(0), "end"),
		growsAndJoiner(Gate, Last(1), "last"),
		growsMet(lossless(8, 2), 2),
		growsMet(overwriting(4, 2), 4),
		growsBeside(),
		growerDies(),
		growerAndHeir(),
		growsMembers(),
		growsMemberDies(),
		growsRemoved(),
		growsByCASAndGate(8, 3, 2),
		growsByCASAndGate(4, 3, 3),
		growsByCASAndLossy(),
		growsByCASAndJoiner(Tap, Newest(), "newest"),
		growsByCASAndJoiner(Lossy, Newest(), "newest"),
		growsByCASAndJoiner(Gate, Newest(), "newest"),
		growsByCASAndJoiner(Lossy, Last(1), "last"),
		growsByCASAndOther(),
		growsByCASAndAsker(),
		growsOnByCAS(),
		growerByCASDies(1),
		growerByCASDies(4),
		growsByCASRemoved(),
		takesAndMeets(lossless(4, 2), 1),
		takesAndMeets(lossless(4, 2), 2),
		takesAndMeets(timeless(lossless(8, 2)), 2),
		takesAndLossy(overwriting(4, 1)),
		takesAndLossy(timeless(overwriting(8, 1))),
		takerDies(),
		takesRemoved(lossless(4, 1)),
		takesRemoved(exclusive(lossless(4, 1))),
		takesRemoved(timeless(lossless(8, 1))),
		aborts(),
		abortsRestless(),
		turns(),
		gateJoins(),
		gateJoinsLast(),
		lossyJoins(),
		lossyJoinsOldest(),
		twoOpen(),
		twoGatesJoin(),
		gateLeaves(),
		gateLineUsedAgain(),
		lineUsedAgain(),
		lineUsedAgainRestless(1, 2),
		lineUsedAgainRestless(2, 1),
		threeWriters(),
		writerDies(),
		writerDiesLossy(),
		reaperDies(),
		gateDies(),
		gateDiesAndHeir(),
		turnDies(),
		heirOfTheDead(),
		removal(),
		openingRemoved(),
		twoReapers(),
		finished(),
		heldByFinished(),
		gateFinished(),
		dataBell(),
		calmBell(),
		abortingBell(),
		roomBell(),
		leavingBell(),
		kick(),
		kickOfOneWhoLeaves(),
		members(),
		memberDies(),
		adopters(),
		memberLeaves(),
		groupMade(),
		groupGoes(),
		ringerDies(),
		sleeperDies(),
		putters(),
		mixture(),
		exclusiveHeir(1, 2),
		exclusiveHeir(2, 1),
		removalBeside(1, true),
		removalBeside(2, true),
		removalBeside(2, false),
		removalUnderAGroup(),
		soleMet(1, 2),
		soleMet(2, 1),
		soleAsks(1, 2),
		soleAsks(2, 1),
		soleAgain(),
		twoAsk(),
		soleBatch(),
		soleDies(1, 2),
		soleDies(2, 1),
		contesterDies(),
		askerDies(),
		soleLeaves(),
		soleRemoved(false),
		soleRemoved(true),
		soleOpensRemoved(),
	}
}

// overwriting and lossless are geometries.
func overwriting(slots, writers int) Geometry {
	return Geometry{Slots: slots, Publishers: writers, Subscriptions: 1}
}

func lossless(slots, writers int) Geometry {
	return Geometry{Slots: slots, Policy: PolicyLossless, Publishers: writers, Subscriptions: 1}
}

// play makes the publisher an actor.
func (p *pub) play(f func()) *sched.Actor {
	p.a = p.w.x.Go(fmt.Sprintf("publisher %d", p.owner), func(*sched.Actor) { f() })
	p.a.Owner = p.owner
	return p.a
}

func (s *sub) play(f func()) *sched.Actor {
	s.a = s.w.x.Go(fmt.Sprintf("subscriber %d", s.owner), func(*sched.Actor) { f() })
	s.a.Owner = s.owner
	return s.a
}

// sends is a publisher that sends frames of some words.
func (p *pub) sends(frames, words int) *sched.Actor {
	return p.play(func() {
		for range frames {
			p.send(words)
		}
	})
}

func named(name string, g Geometry, cast func(w *world)) *plot {
	p := &plot{g: g, cast: cast}
	p.Name = name
	return p
}
