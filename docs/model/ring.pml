/*
 * The ring: claiming, committing, moving the head, a gate that joins, death at any step, and reaping.
 * Names and steps are those of topics/writer.go, room.go, join.go and reap.go; the argument is in docs/PROTOCOL.md.
 *
 * Each atomic block makes one access to shared memory, or several that nobody can tell apart from one: these say why. Memory is
 * sequentially consistent here; what a processor may turn round is in docs/PROTOCOL.md, "Memory order".
 *
 * Sizes, by -D:
 *   N         slots
 *   NW, NL    writers, and lines for them; writers without a line wait for one
 *   FRAMES    of each writer
 *   SPANS12   frames cover 2, 1, ... slots of writer 1 and 1, 2, ... of writer 2; otherwise one
 *   DEATHS    at most, of writers and of the reader
 *   GROW      a writer whose frame follows its last one, in the same two slots, may store that one's stamp again, with a span of 2
 *   NOREADER  nobody joins
 *   IDLE      sweeps begin also where there is nothing to do
 *   FINE      a reaper's look at a line is five loads, and not one
 */
#ifndef N
#define N 2
#endif
#ifndef NW
#define NW 2
#endif
#ifndef NL
#define NL 2
#endif
#ifndef FRAMES
#define FRAMES 2
#endif
#ifndef DEATHS
#define DEATHS 1
#endif
#ifdef SPANS12
#define SPAN(id, m) (((id) + (m)) % 2 + 1)
#else
#define SPAN(id, m) 1
#endif

/*
 * Wrong variants, by -D, all of which must be found:
 *   ANNOUNCE_AFTER_CAS        the claim is announced when the tail has moved
 *   CLEAR_CLAIM_BEFORE_STAMP  the claim is cleared before the stamp is stored
 *   EVICT_WITHOUT_STAMP       the head passes slots that have no stamp
 *   GATE_BEFORE_HEAD          the head's mover looks at the gate first and loads the head word afterwards
 *   NO_COUNT_ON_JOIN          a joining gate does not count itself in the head word
 *   NO_MOVE_UP_ON_JOIN        a joining gate does not look where the head is when it counts itself
 *   NEWEST_IS_TAIL            a gate that wants what is new starts behind open claims
 *   NEWEST_BY_START           it takes an open claim into which the head has come for none
 *   REAP_WITHOUT_CAS          a reaper stores its stamp without comparing
 *   REAP_WITHOUT_LINES        a reaper does not look whether a living claim covers the slot
 *   REAP_PAST_TAIL            a reaper takes an announcement for a claim
 *   REAP_BELOW_HEAD           a reaper does not look at the head
 *   REAP_WITHOUT_OWNER        a reaper does not take the owner's place before it finishes a line
 *   MOVE_BEHIND_GROWING       the head goes to the end of a frame that may still grow
 *   WAIT_FOR_SLOT_ONLY        who is held up by a slot does not see that the frame before it has grown
 *   REAP_WITHIN_RUN           a reaper does not look whether a frame has grown over the slot
 *   NO_LOOK_BACK              a reader does not look whether the frame has grown that it has read last
 *   NO_LOOK_BACK_ON_JOIN      nor whether the one has that ends where it has joined
 *   NO_REAPING                nobody looks after the dead
 *   NEVER_SLEEPS              who is held up looks after the dead without an end (found as a cycle)
 */

#define NONE 255
#define READER (NW + 1)

/* shared words */
byte tail;
byte head;           /* the head word: position, */
byte count;          /* and how many gates have joined; always accessed together */
byte at[N] = NONE;   /* stamps: position, */
bool aborted[N];     /* state, */
byte span[N];        /* and span; always accessed together */
byte owner[NL];
byte claim[NL];      /* position + 1, or 0 */
byte length[NL];
byte gateOwner;
byte cursor = NONE;  /* NONE: no gate */

/* what the kernel knows */
bool dead[NW + 2];
byte deaths;

/* what only the checks know */
byte cell[N] = NONE; /* position of the frame whose bytes are there */
byte closed;         /* writers that have closed */
byte pos = NONE;     /* where the reader is, once it has joined */
int unread;          /* frames that it has still to read, by position */

#define S(p) ((p) % N)
#define RESOLVED(p) (at[S(p)] == (p))

/* A frame may grow from an even position over the odd one behind it. */
#ifdef GROW
#define GREW(p) ((p) % 2 == 1 && at[S((p) - 1)] == (p) - 1 && !aborted[S((p) - 1)] && span[S((p) - 1)] == 2)
#define COULDGROW(q, p) ((p) % 2 == 1 && (q) + 1 == (p) && !aborted[S(q)] && !RESOLVED(p))
#else
#define GREW(p) false
#define COULDGROW(q, p) false
#endif
#define THERE(p) (RESOLVED(p) || GREW(p))

/* Where runs grow, a claim of one slot whose frame is there is none. */
#ifdef GROW
#define OVER(p) THERE(p)
#else
#define OVER(p) false
#endif

/*
 * Who is held up looks after the dead every few milliseconds for as long as it takes. A look that changes nothing leads back to the
 * state it began in. So it is enough that looks begin where there is something to do; IDLE lets one more begin at each place.
 */
#define DEADLINE(i) (owner[i] != 0 && dead[owner[i]])
#define COVERS(i, p) (owner[i] != 0 && !dead[owner[i]] && claim[i] != 0 && (p) >= claim[i] - 1 && (p) < claim[i] - 1 + length[i])
#if NL == 1
#define COVERED(p) COVERS(0, p)
#define DEADLINES DEADLINE(0)
#else
#define COVERED(p) (COVERS(0, p) || COVERS(1, p))
#define DEADLINES (DEADLINE(0) || DEADLINE(1))
#endif
#ifdef NO_REAPING
#define USEFUL(p) false
#else
#define USEFUL(p) (DEADLINES || ((p) < tail && (p) >= head && !THERE(p) && !COVERED(p)))
#endif
#ifdef NEVER_SLEEPS
#define SWEEP(p) true
#define SWEPT skip
#elif defined(IDLE)
#define SWEEP(p) (!swept || USEFUL(p))
#define SWEPT swept = true
#else
#define SWEEP(p) USEFUL(p)
#define SWEPT skip
#endif

/*
 * MAYDIE begins the step after each store to shared memory: to die later, before the next store, leaves the same behind. Since the
 * process may stand there for as long as others like, it may die at any time.
 */
#if DEATHS > 0
#define MAYDIE if :: deaths < DEATHS -> dead[me] = true; deaths++; goto gone :: true fi
#else
#define MAYDIE skip
#endif

/* What a process that reaps has of its own. */
#define REAPER byte ap, ae, as, ai, ao, an, ac, al, li; bool more, swept

/* abortUncovered: marks the slots in [ap, ae) that have no stamp and that no living claim covers; line ax does not count. */
inline abortUncovered(ax) {
	do
	:: atomic { ap >= ae -> ap = 0; ae = 0; break }
	:: atomic { /* the stamp */
			ap < ae ->
			MAYDIE;
			as = at[S(ap)];
			more = (as == ap);
			if
			:: more -> ap = ap + span[S(ap)]
			:: else
			fi
		};
		if
		:: atomic { more -> more = false; as = 0 }
		:: atomic { /* the head: has it passed? */
				!more ->
#ifndef REAP_BELOW_HEAD
				if
				:: head > ap -> ap = head; more = true
				:: else
				fi;
#endif
				ai = 0
			};
#ifndef REAP_WITHOUT_LINES
			do
			:: atomic { more || ai == NL -> break }
			:: atomic { !more && ai != NL && ai == ax -> ai++ }
#ifndef FINE /* without new owners of a line, its words change so that this is one moment's */
			:: atomic {
					!more && ai != NL && ai != ax ->
					if
					:: COVERS(ai, ap) -> ap = claim[ai] - 1 + length[ai]; more = true
					:: else -> ai++
					fi
				}
#else
			:: atomic { !more && ai != NL && ai != ax -> ao = owner[ai] };
				do /* until the owner is the same before and after */
				:: ac = claim[ai];
					if
					:: ac == 0
					:: ac != 0 ->
						al = length[ai];
						atomic {
							if
							:: claim[ai] != ac -> ac = NONE
							:: else
							fi
						}
					fi;
					if
					:: ac == NONE
					:: ac != NONE ->
						atomic {
							an = owner[ai];
							if
							:: an == ao -> an = 0; break
							:: else -> ao = an; an = 0
							fi
						}
					fi
				od;
				atomic { /* the kernel: is it alive? */
					if
					:: ac != 0 && ap >= ac - 1 && ap < ac - 1 + al && ao != 0 && !dead[ao] -> ap = ac - 1 + al; more = true
					:: else -> ai++
					fi;
					ac = 0; al = 0; ao = 0
				}
#endif
			od;
#endif
#if defined(GROW) && !defined(REAP_WITHIN_RUN)
			atomic { /* has a frame grown over it? */
				if
				:: !more && GREW(ap) -> ap++; more = true
				:: else
				fi
			};
#endif
			atomic { /* the CAS on the stamp */
				if
				:: more
#ifdef REAP_WITHOUT_CAS
				:: !more ->
#else
				:: !more && at[S(ap)] != as
				:: !more && at[S(ap)] == as ->
#endif
					assert(!RESOLVED(ap)); /* a frame is taken back */
					at[S(ap)] = ap; aborted[S(ap)] = true; span[S(ap)] = 1;
					ap++
				fi;
				more = false; as = 0; ai = 0
			}
		fi
	od
}

/* Recover: frees the lines of the dead, then looks at the slots from p on. */
inline recover(p) {
	do
	:: atomic { li == NL -> li = 0; break }
	:: atomic { /* the owner, and the kernel */
			li < NL ->
			MAYDIE;
			ao = owner[li];
			more = (ao != 0 && dead[ao]);
			if
			:: !more -> ao = 0; li++
			:: else
			fi
		};
		if
		:: !more
		:: more ->
			atomic { /* the CAS on the owner */
#ifndef REAP_WITHOUT_OWNER
				more = (owner[li] == ao);
				if
				:: more -> owner[li] = me
				:: else -> li++
				fi;
#endif
				ao = 0
			};
			if
			:: !more
			:: more ->
				atomic {
					MAYDIE;
					more = false;
					ap = claim[li];
					ae = length[li];
					if
					:: ap != 0 -> ap--; ae = ap + ae
					:: else -> ae = 0
					fi
				};
#ifndef REAP_PAST_TAIL
				atomic {
					if
					:: ae > tail -> ae = tail
					:: else
					fi
				};
#endif
				abortUncovered(li);
				atomic { MAYDIE; claim[li] = 0 };
				atomic { MAYDIE; owner[li] = 0; li++ }
			fi
		fi
	od;
	atomic {
		MAYDIE;
		ap = p; ae = tail;
		if
		:: ap > ae || ae - ap > N -> ap = ae
		:: else
		fi
	};
	abortUncovered(NONE)
}

#define FORGET t = 0; k = 0; pad = 0; h = 0; c = 0; p = 0; limit = 0; x = 0; q = 0; swept = false

proctype Writer(byte me; byte mine) {
	byte m, t, k, pad, h, c, p, limit, x;
	byte q;          /* what was walked over last */
	byte next;       /* behind the last frame */
#ifdef GROW
	bool grew;       /* the last frame has */
#endif
	REAPER;

	if
	:: mine != NONE
	:: mine == NONE -> /* NewWriter: any free line; those of the dead are reaped */
		do
		:: atomic { owner[0] == 0 -> owner[0] = me; mine = 0; break }
#if NL > 1
		:: atomic { owner[0] != 0 && owner[1] == 0 -> owner[1] = me; mine = 1; break }
#endif
		:: DEADLINES -> recover(NONE)
		od
	fi;

again:	atomic {
		MAYDIE;
		if
		:: m == FRAMES -> FORGET; goto close
		:: else
		fi;
		t = tail;
		k = SPAN(me, m);
		if
		:: S(t) + k > N -> pad = N - S(t)
		:: else -> pad = 0
		fi;
		k = k + pad
	}
room:
#ifdef GATE_BEFORE_HEAD
	atomic { limit = cursor };
#endif
	atomic {
		h = head; c = count;
		if
		:: h > t -> FORGET; goto again /* the tail was old */
		:: h <= t && t + k - h <= N -> goto take
		:: else
		fi
	};
#ifndef GATE_BEFORE_HEAD
	atomic { limit = cursor };
#endif
	p = h; q = h;
	if /* below the gate all is there, so the walk may begin at any frame up to it */
	:: true
	:: atomic { limit != NONE && limit > h && limit <= t && RESOLVED(limit) -> p = limit; q = p }
	:: atomic { limit != NONE && limit > h + 1 && limit <= t && RESOLVED(h + 1) -> p = h + 1; q = p }
	fi;
	do /* walk whole frames */
	:: atomic {
			p + N < t + k ->
			if
			:: p >= t -> FORGET; goto again
			:: else
			fi;
			x = (RESOLVED(p) -> span[S(p)] : 0);
#ifdef EVICT_WITHOUT_STAMP
			x = (x == 0 -> 1 : x);
#endif
			if
			:: x == 0 -> x = at[S(p)]; goto heldBySlot
			:: x != 0 && limit != NONE && p + x > limit -> goto heldByGate
			:: else -> q = p; p = p + x; x = 0
			fi
		}
	:: atomic { /* does anything begin behind what was walked over last? */
			p + N >= t + k ->
#ifndef MOVE_BEHIND_GROWING
			if
			:: q != p && COULDGROW(q, p) ->
				x = at[S(p)];
				if
				:: q + N < t + k -> goto heldBySlot
				:: else -> p = q
				fi
			:: else
			fi
#endif
		};
		atomic { /* the CAS on the head word */
			if
			:: head == h && count == c -> head = p
			:: else
			fi;
			h = 0; c = 0; p = 0; limit = 0; x = 0; q = 0;
			goto room
		}
	od;

heldBySlot:
	do
	:: atomic { at[S(p)] != x || head != h || count != c -> FORGET; goto again }
#if defined(GROW) && !defined(WAIT_FOR_SLOT_ONLY)
	:: atomic { GREW(p) -> FORGET; goto again }
#endif
	:: atomic { SWEEP(p) -> SWEPT }; recover(p)
	od;

heldByGate:
	do
	:: atomic { cursor != limit || head != h || count != c -> FORGET; goto again }
	:: atomic { cursor == limit && gateOwner != 0 && dead[gateOwner] -> ao = gateOwner }; /* ReapGate */
		atomic {
			more = (gateOwner == ao);
			if
			:: more -> gateOwner = me
			:: else
			fi;
			ao = 0
		};
		if
		:: !more
		:: more ->
			atomic { MAYDIE; cursor = NONE };
			atomic { MAYDIE; gateOwner = 0; more = false }
		fi
	od;

take:
#ifndef ANNOUNCE_AFTER_CAS
	atomic { /* the length first; nobody looks at it while the claim is 0 */
		h = 0; c = 0; p = 0; limit = 0; x = 0; q = 0;
		length[mine] = k; claim[mine] = t + 1
	};
#endif
	atomic { /* the CAS on the tail */
		MAYDIE;
		if
		:: tail == t -> tail = t + k
		:: else -> goto withdraw
		fi
	};
#ifdef ANNOUNCE_AFTER_CAS
	atomic { MAYDIE; length[mine] = k; claim[mine] = t + 1 };
#endif
	atomic { /* the bytes: a frame of k - pad slots at t + pad */
		MAYDIE;
		x = pad;
		do
		:: x == k -> break
		:: else -> cell[S(t + x)] = t + pad; x++
		od;
		x = 0
	};
#ifdef CLEAR_CLAIM_BEFORE_STAMP
	atomic { claim[mine] = 0 };
#endif
	if
	:: pad == 0
	:: pad != 0 ->
		atomic {
			MAYDIE;
			assert(!RESOLVED(t));                 /* a living claim was taken away */
			at[S(t)] = t; aborted[S(t)] = true; span[S(t)] = pad
		}
	fi;
	atomic {
		MAYDIE;
		t = t + pad; k = k - pad;
		assert(!RESOLVED(t));                         /* a living claim was taken away */
		assert(pos == NONE || t >= pos);              /* the reader has started or gone on without this frame */
		do
		:: x == k -> break
		:: else -> assert(cell[S(t + x)] == t); x++   /* two writers in one cell */
		od;
		if
#ifdef GROW
		:: m != 0 && next == t && t % 2 == 1 -> /* the frame before it grows */
			assert(head < t && RESOLVED(t - 1) && span[S(t - 1)] == 1);
			span[S(t - 1)] = 2; grew = true
#endif
		:: at[S(t)] = t; aborted[S(t)] = false; span[S(t)] = k
		fi;
		unread = unread | (1 << t);
		x = 0; m++; next = t + k
	};
#ifdef GROW
	if
	:: atomic { grew -> grew = false; FORGET; goto again } /* its claim stays announced until the next one is, or it closes */
	:: else
	fi;
#endif
withdraw:
#ifndef CLEAR_CLAIM_BEFORE_STAMP
	atomic { MAYDIE; claim[mine] = 0; FORGET };
#endif
	goto again;

close:
#ifdef GROW
	atomic { MAYDIE; claim[mine] = 0 };
#endif
	atomic { owner[mine] = 0; closed++ };
gone:	skip
}

/* what the reader sees at pos */
#ifdef NO_LOOK_BACK
#define SEEN(p) RESOLVED(p)
#else
#define SEEN(p) (RESOLVED(p) || (back && GREW(p)))
#endif

proctype Reader() {
	byte me = READER;
	byte h, c, i, p, x, q;
	bool back; /* it knows what ends at pos */
	REAPER;

	gateOwner = me;
	/* joinGate */
	if
	:: atomic { p = head } /* Oldest */
	:: atomic { h = head }; /* Newest */
		atomic { p = tail };
#ifndef NEWEST_IS_TAIL
		do
		:: atomic { i == NL -> break }
		:: atomic {
				i < NL ->
				x = claim[i]; q = length[i]
			};
			atomic {
				if
#ifdef NEWEST_BY_START
				:: x != 0 && !(q == 1 && OVER(x - 1)) && x - 1 >= h && x - 1 < p -> p = x - 1
#else
				:: x != 0 && !(q == 1 && OVER(x - 1)) && x - 1 + q > h && x - 1 < p -> p = (x - 1 > h -> x - 1 : h)
#endif
				:: else
				fi;
				x = 0; q = 0; i++
			}
		od
#endif
	fi;
	do
	:: atomic { MAYDIE; cursor = p };
		atomic { MAYDIE; h = head; c = count };
#ifndef NO_MOVE_UP_ON_JOIN
		if
		:: atomic { h > p -> p = h; cursor = p }
		:: else
		fi;
#endif
		atomic { /* the CAS on the head word */
			MAYDIE;
#ifndef NO_COUNT_ON_JOIN
			if
			:: head == h && count == c -> count++
			:: else -> goto retry
			fi;
#endif
			/* what was committed below is not for this reader */
			pos = p; unread = (unread >> p) << p;
			p = 0; h = 0; c = 0; i = 0;
#ifndef NO_LOOK_BACK_ON_JOIN
			back = (pos % 2 == 1 && at[S(pos - 1)] == pos - 1); /* what is below is there, and stays */
#endif
			break
		};
retry:		skip
	od;

	do
	:: atomic { /* the stamp: load */
			SEEN(pos) ->
			MAYDIE;
			assert(head <= pos);                         /* a lossless reader is never lapped */
			swept = false;
			if
			:: RESOLVED(pos) && aborted[S(pos)] -> pos = pos + span[S(pos)]; back = false /* the cursor may stay behind */
#ifdef GROW /* frame by frame */
			:: !(RESOLVED(pos) && aborted[S(pos)]) -> i = 1
#else
			:: !aborted[S(pos)] -> i = span[S(pos)]
#endif
			fi
		};
		if
		:: i == 0
		:: i != 0 ->
			atomic { /* the bytes, and Release */
				do
				:: x == i -> break
				:: else -> assert(cell[S(pos + x)] == pos); x++ /* torn, or written under a borrow */
				od;
				assert(unread & (1 << pos));
				unread = unread & ~(1 << pos);
				pos = pos + i;
				i = 0; x = 0; back = true;
				if /* an eighth of the ring may be more than this frame */
				:: cursor = pos
				:: true
				fi
			}
		fi
	:: atomic { !SEEN(pos) && cursor != pos -> MAYDIE; cursor = pos } /* nothing more to read */
	:: atomic { !SEEN(pos) && cursor == pos && pos < tail && SWEEP(pos) -> SWEPT }; recover(pos)
#if DEATHS > 0
	:: atomic { !SEEN(pos) && cursor == pos && deaths < DEATHS -> dead[me] = true; deaths++; goto gone }
#endif
	od;
gone:	atomic { pos = NONE }
}

/* When nobody can go on, all must have got where they wanted. */
proctype Judge() {
	timeout;
	d_step {
		byte i = 1, n = closed;
		do
		:: i > NW -> break
		:: else -> n = n + dead[i]; i++
		od;
		assert(n == NW);                /* a writer is stuck */
#ifndef NOREADER
		if
		:: dead[READER]
		:: else ->
			assert(pos == tail);    /* the reader is stuck */
			assert(unread == 0)     /* a frame was lost */
		fi
#endif
	}
}

init {
	atomic {
		byte i = 1;
		do
		:: i > NW -> break
		:: else ->
			if
			:: i <= NL -> owner[i - 1] = i; run Writer(i, i - 1)
			:: else -> run Writer(i, NONE)
			fi;
			i++
		od;
		i = 0;
#ifndef NOREADER
		run Reader();
#endif
		run Judge()
	}
}
