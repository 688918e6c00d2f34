/*
 * A group: a gate whose cursor its members share, so that each frame goes to one of them. Members pin what they hold, and adopt what
 * the dead held: topics/member.go, and docs/PROTOCOL.md, "Groups". One publisher that does not die; frames of one slot.
 *
 * Each atomic block makes one access to shared memory. Memory is sequentially consistent here.
 *
 * Sizes, by -D:
 *   N       slots
 *   FRAMES  published
 *   NM      members at first, each with a line
 *   SPARE   members that come later and take lines of dead ones
 *   DEATHS  at most; one member always lives
 *   EAGER   members try also where no frame is yet, once at each place
 *
 * Wrong variants, by -D, all of which must be found:
 *   PINS_BEFORE_CURSOR              the head's mover looks at the pins first and at the cursor afterwards
 *   PIN_AFTER_CURSOR                a member takes the frame first and pins it afterwards
 *   UNPIN_BEFORE_DONE               a member lets go of its pin before it is done
 *   ADOPT_WITHOUT_OWN_PIN           an adopter clears the dead pin before it sets its own
 *   ADOPT_WITHOUT_COUNT             an adopter does not count itself in the head word
 *   ADOPT_PASSED                    an adopter takes a frame although the head had passed it
 *   ADOPT_NOT_TAKEN                 an adopter takes a frame although the group's cursor is not past it
 *   ADOPT_WITHOUT_CAS               an adopter stores over the dead pin, so that several may win
 *   PIN_CLEARED_WITHOUT_GENERATION  an adopter compares the pin only, and not whose it is
 *   PASSED_PIN_STAYS                a dead pin that the head has passed is not cleared (found as a cycle)
 *   NO_ADOPTION                     nobody adopts
 */
#ifndef N
#define N 2
#endif
#ifndef FRAMES
#define FRAMES 3
#endif
#ifndef NM
#define NM 2
#endif
#ifndef SPARE
#define SPARE 0
#endif
#ifndef DEATHS
#define DEATHS 1
#endif

#define NONE 255
#define S(p) ((p) % N)

/* shared words */
byte tail;
byte head;               /* the head word: position, */
byte count;              /* and the count that joining gates and adopters raise; always accessed together */
byte at[N] = NONE;       /* stamps; all are of committed frames */
byte cursor;             /* the group's: the next frame to take */
byte pin[NM] = NONE;     /* lines of members: pin, */
byte generation[NM];     /* and the generation of the owner, in the same word */

/* what the kernel knows, of the owners of the lines */
bool dead[NM];
byte deaths;
byte living;

/* what only the checks know */
byte cell[N] = NONE;     /* position of the frame whose bytes are there */
byte handled[FRAMES];

#if DEATHS > 0
#define MAYDIE if :: deaths < DEATHS && living > 1 -> dead[mine] = true; deaths++; living--; goto gone :: true fi
#else
#define MAYDIE skip
#endif

/* A member that has nothing to do sleeps. One that tries and finds nothing comes back to the same state, so that once is enough. */
#ifdef EAGER
#define TRY (cursor < FRAMES && (at[S(cursor)] == cursor || tried != cursor))
#define TRIED tried = cursor
#else
#define TRY (at[S(cursor)] == cursor)
#define TRIED skip
#endif

#define DEADPIN(i) (dead[i] && pin[i] != NONE)

#if NM == 2
#define DEADPINS (DEADPIN(0) || DEADPIN(1))
#else
#define DEADPINS (DEADPIN(0) || DEADPIN(1) || DEADPIN(2))
#endif

proctype Publisher() {
	byte h, c, limit, i, held;
	do
	:: atomic { tail == FRAMES -> break }
	:: tail < FRAMES ->
		do /* makeRoom; only the publisher moves the head, so that it may look at it at any time */
		:: atomic { tail + 1 - head <= N -> break }
		:: atomic { tail + 1 - head > N -> h = head; c = count };
			limit = NONE; held = NONE;
#ifndef PINS_BEFORE_CURSOR
			atomic { limit = cursor };
#endif
			i = 0;
			do
			:: atomic {
					i < NM ->
					if
					:: pin[i] < limit -> limit = pin[i]; held = i
					:: else
					fi;
					i++
				}
			:: atomic { i == NM -> i = 0; break }
			od;
#ifdef PINS_BEFORE_CURSOR
			atomic { if :: cursor < limit -> limit = cursor; held = NONE :: else fi };
#endif
			if
			:: atomic { h < limit -> /* the CAS on the head word */
					if
					:: head == h && count == c -> head++
					:: else
					fi
				}
			:: atomic { h >= limit && held == NONE -> cursor != limit || count != c }     /* held by the cursor */
			:: atomic { h >= limit && held != NONE -> pin[held] != limit || count != c }  /* held by a pin */
			fi;
			atomic { h = 0; c = 0; limit = 0; held = 0 }
		od;
		atomic { /* the claim, and the bytes; the one publisher has no rival */
			cell[S(tail)] = tail;
			tail++
		};
		atomic { at[S(tail - 1)] = tail - 1 }
	od
}

proctype Member(byte mine) {
	byte g, i, n, h, c;
	bool passed;
#ifdef EAGER
	byte tried = NONE;
#endif

	if
	:: mine != NONE
	:: mine == NONE -> /* a line whose owner is dead and which holds nothing */
		do
		:: atomic { i < NM && !(dead[i] && pin[i] == NONE) -> i++ }
		:: atomic { i == NM -> i = 0; (dead[0] && pin[0] == NONE) || (dead[1] && pin[1] == NONE) || (NM > 2 && dead[NM - 1] && pin[NM - 1] == NONE) }
		:: atomic { i < NM && dead[i] && pin[i] == NONE -> mine = i; i = 0; dead[mine] = false; generation[mine]++; living++; break }
		od
	fi;

more:	do
	:: atomic { TRY -> MAYDIE; TRIED; g = cursor };
#ifndef PIN_AFTER_CURSOR
		atomic { pin[mine] = g };
#endif
		atomic {
			MAYDIE;
			if
			:: at[S(g)] != g -> goto unpin
			:: else
			fi
		};
		atomic { /* the CAS on the cursor */
			if
			:: cursor == g -> cursor++
			:: else -> goto unpin
			fi
		};
#ifdef PIN_AFTER_CURSOR
		atomic { MAYDIE; pin[mine] = g };
#endif
		goto handle
#ifndef NO_ADOPTION
	:: atomic { DEADPINS -> MAYDIE; i = 0 };
		do
		:: atomic { i < NM && !DEADPIN(i) -> i++ }
		:: atomic { i == NM -> i = 0; goto more }
		:: atomic { i < NM && DEADPIN(i) -> g = pin[i]; n = generation[i]; break }
		od;
#ifndef ADOPT_WITHOUT_OWN_PIN
		atomic { pin[mine] = g };
#endif
#ifndef ADOPT_WITHOUT_COUNT
		do
		:: atomic { MAYDIE; h = head; c = count };
			atomic { /* the CAS on the head word, unless the head has passed */
				if
				:: g < h -> passed = true; h = 0; c = 0; break
				:: g >= h && head == h && count == c -> count++; h = 0; c = 0; break
				:: else
				fi
			}
		od;
#else
		atomic { passed = (g < head) };
#endif
#ifdef PASSED_PIN_STAYS
		if
		:: passed -> i = 0; n = 0; goto unpin
		:: else
		fi;
#endif
		atomic { /* the CAS on the dead pin */
			MAYDIE;
			if
#ifdef ADOPT_WITHOUT_CAS
			:: true -> pin[i] = NONE; i = 0; n = 0
#elif defined(PIN_CLEARED_WITHOUT_GENERATION)
			:: pin[i] == g -> pin[i] = NONE; i = 0; n = 0
			:: pin[i] != g -> i = 0; n = 0; goto unpin
#else
			:: pin[i] == g && generation[i] == n -> pin[i] = NONE; i = 0; n = 0
			:: pin[i] != g || generation[i] != n -> i = 0; n = 0; goto unpin
#endif
			fi
		};
#ifdef ADOPT_WITHOUT_OWN_PIN
		atomic { MAYDIE; pin[mine] = g };
#endif
		atomic {
			MAYDIE;
			if
#ifndef ADOPT_PASSED
			:: passed -> goto unpin
#endif
#ifndef ADOPT_NOT_TAKEN
			:: cursor <= g -> goto unpin
#endif
			:: else -> goto handle
			fi
		}
#endif
	od;

handle:
#ifdef UNPIN_BEFORE_DONE
	atomic { MAYDIE; pin[mine] = NONE };
#endif
	atomic { /* the bytes */
		MAYDIE;
		assert(cell[S(g)] == g)           /* overwritten while in hand */
	};
	atomic { /* done, and Release */
		MAYDIE;
		assert(cell[S(g)] == g);          /* overwritten while in hand */
		handled[g]++;
		assert(handled[g] <= 1 + deaths); /* each death may double one frame */
		pin[mine] = NONE;
		g = 0; passed = false;
		goto more
	};

unpin:	atomic { MAYDIE; pin[mine] = NONE; g = 0; passed = false; goto more };

gone:	skip
}

/* When nobody can go on, all frames have been handled, and nobody holds one. */
proctype Judge() {
	timeout;
	d_step {
		byte i = 0;
		assert(tail == FRAMES);           /* the publisher is stuck */
		assert(cursor == FRAMES);         /* the members are stuck */
		do
		:: i == FRAMES -> break
		:: else -> assert(handled[i] > 0); i++
		od;
		i = 0;
		do
		:: i == NM -> break
		:: else -> assert(pin[i] == NONE); i++
		od
	}
}

init {
	atomic {
		byte i = 0;
		do
		:: i == NM -> break
		:: else -> run Member(i); living++; i++
		od;
		i = 0;
		do
		:: i == SPARE -> break
		:: else -> run Member(NONE); i++
		od;
		i = 0;
		run Publisher();
		run Judge()
	}
}
