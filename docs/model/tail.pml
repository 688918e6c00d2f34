/*
 * The tail of a publisher that has been alone for long: how it stores the tail where others CAS it, and how they take that away from it.
 * docs/PROTOCOL.md, "A sole publisher".
 *
 * Each atomic block makes one access to shared memory. A publisher's release stores go into a buffer, as a processor's do, and are seen
 * in order at moments of their own; its next loads may come before, and find its own stores. A CAS drains its own buffer first. A
 * membarrier drains those of all publishers that it reaches, one after the other.
 *
 * A frame has one slot. The tail must move by one position at a time, from where its publisher's claim begins, and what is looked at is
 * the moment when the move is seen: so each position is claimed once, none is left out, and the tail never goes down.
 *
 * Sizes, by -D:
 *   PUBLISHERS     all of whom claim frames
 *   FRAMES         of each; or FRAMES of publisher 0 and FRAMES1 of each other
 *   ASKERS, ASKS   the last so many may ask to store the tail, each so often, whenever they have no claim
 *   DEATHS         at most; who waits for a dead one's claim reaps it
 *   DEPTH          stores that a buffer has room for: as many as a whole claim and the announcement of the next
 *   REMOVAL        the last publisher removes the topic when it is through, and gives its memory back if nobody has a claim then;
 *                  the others look for that between the move of the tail and the first byte
 *   UNREGISTERED   membarrier does not reach publisher 0: it passes a barrier between its announcement and the look at who may store
 *
 * Wrong variants, by -D, all of which must be found:
 *   ANNOUNCE_AFTER_SOLE         a publisher looks who may store the tail before it announces its claim
 *   NO_MEMBARRIER_ON_ASK        who asks does not drain the buffers
 *   NO_LOOK_AT_OTHERS           who asks does not look at the others' claims
 *   SOLE_WITHOUT_CAS            who asks looks whether anybody has the tail, and stores its key
 *   TAIL_FROM_BEFORE            who asks goes on with the tail that it loaded before
 *   NO_MEMBARRIER_ON_CONTEST    who contests does not drain the buffers
 *   MEMBARRIER_BY_ONE           who finds the tail contested relies on the membarrier of the one that did it
 *   LOOK_BEFORE_MEMBARRIER      who contests looks at the claim before it drains the buffers
 *   NO_LOOK_AT_CLAIM            who contests does not look at the claim
 *   FREE_AT_ONCE                who contests frees the tail for all first, and drains and looks then
 *   CONTEST_WITHOUT_CAS         who contests loads the key and stores it with the lowest bit
 *   FREE_WITHOUT_CAS            who contests frees the tail with a store
 *   FREE_OWN_WITHOUT_CAS        who finds its own key contested frees the tail with a store
 *   GIVE_UP_WITHOUT_CAS         who asked, and may not, frees the tail with a store
 *   KEYS_COME_AGAIN             a publisher asks with the same key each time
 *   UNFENCED_UNREGISTERED       with UNREGISTERED: publisher 0 passes no barrier either
 *   REMOVE_WITHOUT_CONTEST      with REMOVAL: who gives the memory back looks at the claims only
 *   DEAD_BEFORE_SEEN            a death is known although the dead one's last stores are not seen yet
 *   NO_REAPING                  nobody looks after the dead
 *   NEVER_SLEEPS                who waits for a claim looks at it without an end (found as a cycle)
 */
#ifndef PUBLISHERS
#define PUBLISHERS 2
#endif
#ifndef FRAMES
#define FRAMES 2
#endif
#ifndef FRAMES1
#define FRAMES1 FRAMES
#endif
#ifndef ASKERS
#define ASKERS PUBLISHERS
#endif
#ifndef ASKS
#define ASKS 1
#endif
#ifndef DEATHS
#define DEATHS 0
#endif
#ifndef DEPTH
#ifdef REMOVAL
#define DEPTH 5
#else
#define DEPTH 4
#endif
#endif

/* A key: whose it is, and for which time; even. The lowest bit says that it is contested. */
#ifdef KEYS_COME_AGAIN
#define KEY (2 * (me + 1))
#else
#define KEY (2 * (me + 1 + PUBLISHERS * asked))
#endif
#define HOLDER(key) (((key) / 2 - 1) % PUBLISHERS)

/* shared words */
byte tail;
byte sole;               /* 0, a key, or a contested one */
byte claim[PUBLISHERS];  /* position + 1, or 0 */
#ifdef REMOVAL
bool removed;            /* the tombstone in the head */
bool given;              /* the memory, back to the system */
#endif

/* stores that others do not see yet: a claim, a frame's bytes, or TAIL and the tail */
#define BYTES 127
#define TAIL 128
chan buffer[PUBLISHERS] = [DEPTH] of { byte };
#define SEEN(i) (len(buffer[i]) == 0)
#define ROOM(i) (len(buffer[i]) < DEPTH)

/* what the kernel knows: a dead one's last stores have been seen, because its processor has been given to others since */
bool ended[PUBLISHERS];
byte deaths;
#ifdef DEAD_BEFORE_SEEN
#define DEAD(i) ended[i]
#else
#define DEAD(i) (ended[i] && SEEN(i))
#endif

/* what only the checks know */
byte moves[PUBLISHERS];  /* of the tail, by each publisher */
byte finished;           /* publishers that are, or dead */

#define FRAMESOF(i) ((i) == 0 -> FRAMES : FRAMES1)

#if DEATHS > 0
#define MAYDIE if :: deaths < DEATHS -> deaths++; ended[me] = true; goto gone :: true fi
#else
#define MAYDIE skip
#endif

#ifdef UNREGISTERED
#define REGISTERED(i) (i != 0)
#else
#define REGISTERED(i) true
#endif
#ifdef UNFENCED_UNREGISTERED
#define FENCED true
#else
#define FENCED (REGISTERED(me) || SEEN(me))
#endif

/* The oldest store of i's buffer is seen. */
inline drain(i) {
	buffer[i] ? x;
	if
	:: x < BYTES -> claim[i] = x
#ifdef REMOVAL
	:: x == BYTES -> assert(!given)
#endif
	:: x > BYTES ->
		assert(x - TAIL == tail + 1);   /* somebody else has moved the tail */
		tail = x - TAIL;
		moves[i]++
	fi;
	x = 0
}

/*
 * The processor empties the buffer in order, in its own time, also when the process has ended. Were stores lost that were never seen,
 * then the process might as well have ended before them.
 */
proctype Buffer(byte me) {
	byte x;
	do
	:: atomic { !SEEN(me) -> drain(me) }
	od
}

/* The caller's own buffer is drained too, also where membarrier does not reach it otherwise. */
inline membarrier() {
	do
	:: atomic {
			do
			:: (REGISTERED(i) || i == me) && !SEEN(i) -> drain(i)
			:: else -> break
			od;
			i++;
			if
			:: i == PUBLISHERS -> i = 0; break
			:: else
			fi
		}
	od
}

/*
 * Looks at the claim of k's holder, and waits if it may be about to move the tail: until the tail has moved over it, or until it has
 * changed or been reaped, and then looks again. Who waits has seen the tail below the claim; what it waits for is one moment's.
 */
inline look() {
	do
	:: atomic {
			c == 0 ->
			c = claim[HOLDER(k)];
			if
			:: c == 0 -> break
			:: else
			fi
		}
	:: atomic { c != 0 && tail >= c -> c = 0; break }
	:: atomic { c != 0 && tail < c && claim[HOLDER(k)] != c -> c = 0 }
#ifndef NO_REAPING
	:: atomic {
			c != 0 && tail < c && claim[HOLDER(k)] == c && DEAD(HOLDER(k)) ->
			MAYDIE;
			claim[HOLDER(k)] = 0; /* no slot of it lies below the tail */
			c = 0
		}
#endif
#ifdef NEVER_SLEEPS
	:: atomic { c != 0 && tail < c && claim[HOLDER(k)] == c -> c = 0 }
#endif
	od
}

/* A publisher looks at the head, and writes if there is no tombstone. */
inline write() {
	atomic {
		if
		:: removed -> m = FRAMESOF(me)
		:: else -> x = BYTES
		fi
	};
	if
	:: x == 0
	:: atomic { x != 0 && ROOM(me) -> MAYDIE; x = 0; buffer[me] ! BYTES }
	fi
}

proctype Publisher(byte me) {
	byte m, asked;   /* frames published, and times asked */
	byte t, s;       /* the tail, and who may store it: as loaded */
	byte own;        /* the key with which this one may store the tail, or 0 */
	byte stored;     /* the last tail that was stored, if it may still be in the buffer */
	byte k, c, i, x;

again:	if
	:: atomic { m == FRAMESOF(me) -> t = 0; stored = 0; goto close }
	:: atomic { /* ask: CAS */
			m < FRAMESOF(me) && me >= PUBLISHERS - ASKERS && asked < ASKS && sole == 0 && SEEN(me) ->
			MAYDIE;
			k = KEY; asked++; own = 0; stored = 0;
#ifdef TAIL_FROM_BEFORE
			t = tail;
#endif
#ifdef SOLE_WITHOUT_CAS
			goto store
#else
			sole = k;
			goto ask
#endif
		}
	:: atomic {
			m < FRAMESOF(me) ->
			if
			:: stored > tail
			:: else -> stored = 0
			fi;
			t = (stored != 0 -> stored : tail)
		}
	fi;

take:
#ifndef ANNOUNCE_AFTER_SOLE
	atomic { ROOM(me) -> MAYDIE; buffer[me] ! t + 1 };
#endif
	atomic {
		FENCED ->
		s = sole;
		if
		:: s != own -> k = s & ~1; own = (k == own -> own : 0) /* a key does not come again */
		:: else
		fi;
		if
		:: k != 0 -> goto withdraw
		:: else
		fi
	};
#ifdef ANNOUNCE_AFTER_SOLE
	atomic { ROOM(me) -> MAYDIE; buffer[me] ! t + 1 };
#endif
	if
	:: atomic {
			s != 0 && ROOM(me) ->
			MAYDIE;
			stored = t + 1; buffer[me] ! TAIL + stored;
			m++
		};
#ifdef REMOVAL
		write()
#endif
	:: atomic { /* CAS */
			s == 0 && SEEN(me) ->
			MAYDIE;
			stored = 0;
			if
			:: tail == t -> tail = t + 1; moves[me]++; m++
			:: else -> goto withdraw
			fi
		};
#ifdef REMOVAL
		write()
#endif
	fi;
withdraw:
	atomic {
		ROOM(me) ->
		MAYDIE;
		buffer[me] ! 0;
		t = 0;
		if
		:: k == 0 -> s = 0; goto again
		:: k != 0 && k != own -> stored = 0; goto contest
		:: else
		fi
	};
	atomic { /* CAS: it is contested, and it is ours */
		SEEN(me) ->
		MAYDIE;
		if
#ifdef FREE_OWN_WITHOUT_CAS
		:: true -> sole = 0
#else
		:: sole == s -> sole = 0
		:: else
#endif
		fi;
		s = 0; k = 0; own = 0; stored = 0;
		goto again
	};

contest:
	if
	:: atomic { /* CAS */
			s == k && SEEN(me) ->
			MAYDIE;
			if
#ifdef CONTEST_WITHOUT_CAS
			:: true -> sole = s | 1
#elif defined(FREE_AT_ONCE)
			:: sole == s -> sole = 0
#else
			:: sole == s -> sole = s | 1
#endif
#ifndef CONTEST_WITHOUT_CAS
			:: else -> s = 0; k = 0; goto again
#endif
			fi
		}
	:: atomic {
			s != k ->
#ifdef MEMBARRIER_BY_ONE
			goto drained
#endif
		}
	fi;
#ifdef LOOK_BEFORE_MEMBARRIER
	look();
#endif
#ifndef NO_MEMBARRIER_ON_CONTEST
	membarrier();
#endif
drained:
#if !defined(NO_LOOK_AT_CLAIM) && !defined(LOOK_BEFORE_MEMBARRIER)
	look();
#endif
	atomic { /* CAS */
		SEEN(me) ->
		MAYDIE;
		if
#ifdef FREE_WITHOUT_CAS
		:: true -> sole = 0
#else
		:: sole == (k | 1) -> sole = 0
		:: else
#endif
		fi;
		s = 0; k = 0;
		goto again
	};

#ifdef SOLE_WITHOUT_CAS
store:	atomic { MAYDIE; sole = k };
#endif
ask:
#ifndef NO_MEMBARRIER_ON_ASK
	membarrier();
#endif
#ifndef NO_LOOK_AT_OTHERS
	do
	:: atomic { c = (i == me -> 0 : claim[i]) };
		atomic { /* above its start it has been taken, or cannot be any more */
			if
			:: c != 0 && tail < c -> i = 0; c = 0; goto giveUp
			:: else -> i++; c = 0
			fi;
			if
			:: i == PUBLISHERS -> i = 0; break
			:: else
			fi
		}
	od;
#endif
	atomic {
		own = k; k = 0;
#ifdef TAIL_FROM_BEFORE
		goto take
#else
		goto again
#endif
	};
giveUp:	atomic { /* CAS */
		SEEN(me) ->
		MAYDIE;
		if
#ifdef GIVE_UP_WITHOUT_CAS
		:: true -> sole = 0
#else
		:: sole == k -> sole = 0
		:: else
#endif
		fi;
		k = 0; t = 0;
		goto again
	};

close:
#ifdef REMOVAL
	if
	:: me != PUBLISHERS - 1 -> goto gone
	:: atomic { /* CAS */
			me == PUBLISHERS - 1 && SEEN(me) ->
			MAYDIE;
			removed = true
		}
	fi;
#ifndef REMOVE_WITHOUT_CONTEST
	atomic {
		s = sole; k = s & ~1; own = 0;
		if
		:: s != 0 -> goto contest
		:: else
		fi
	};
#endif
	do
	:: atomic { i == PUBLISHERS -> i = 0; given = true; break }
	:: atomic {
			i < PUBLISHERS ->
			if
			:: claim[i] != 0 && !DEAD(i) -> i = 0; break
			:: else -> i++
			fi
		}
	od;
#endif
gone:	finished++
}

/* When nobody can go on, each publisher that lives has published all. */
proctype Judge() {
	timeout;
	d_step {
		byte i = 0, n = 0;
		do
		:: i == PUBLISHERS -> break
		:: else ->
#ifdef REMOVAL
			assert(removed || ended[PUBLISHERS - 1]);
#else
			assert(ended[i] || moves[i] == FRAMESOF(i)); /* a frame has no place */
#endif
			n = n + moves[i]; i++
		od;
		assert(finished == PUBLISHERS && n == tail) /* a publisher is stuck */
	}
}

init {
	atomic {
		byte i = 0;
		do
		:: i == PUBLISHERS -> break
		:: else -> run Publisher(i); run Buffer(i); i++
		od;
		i = 0;
		run Judge()
	}
}
