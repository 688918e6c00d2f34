/*
 * A bell: how sleepers and ringers of wake/bell.go miss nothing. docs/PROTOCOL.md, "Waking".
 *
 * Each atomic block makes one access to shared memory. A ringer's plain stores go into a buffer, as a processor's do: others see them
 * later, and the ringer's next loads may come before. What drains the buffer is a barrier, and a CAS is one. A ringer that finds bit 1 set
 * and bit 0 clear passes none. A sleeper that finds bit 1 set drains the ringers' buffers, one after the other, as membarrier does.
 *
 * Bit 1 is bit 31 of the real word. The bell begins without and with it. A ringer that finds both bits clear sets bit 1, or does not.
 *
 * Sizes, by -D:
 *   RINGERS, SLEEPERS  processes of each kind
 *   FRAMES             that each ringer stores; every sleeper is to see all
 *   RINGERS_DIE        at most so many; sleepers then look again by themselves, after a time
 *   SLEEPERS_DIE       at most so many
 *   UNREGISTERED       membarrier does not reach ringer 0: it always passes a barrier, and does not set bit 1
 *
 * Wrong variants, by -D, all of which must be found:
 *   NO_BARRIER_BEFORE_BELL    a ringer that finds bit 1 clear looks at the bell while its store is still in the buffer
 *   BELL_BEFORE_STORE         a ringer rings first and stores afterwards
 *   RING_WITHOUT_COUNT        a ringer clears bit 0 and does not count
 *   WAKE_ONE                  a ringer wakes one sleeper and not all
 *   NO_SECOND_LOOK            a sleeper does not look again when it has set bit 0
 *   SET_BIT_WITHOUT_CAS       a sleeper loads the bell and stores it with bit 0 set
 *   SLEEP_ON_LATER_VALUE      a sleeper loads the value to sleep on after its second look
 *   NO_LOOK_AFTER_TIME        sleepers rely on a bell although its ringer may die
 *   SILENT_OVER_SLEEPER       a ringer that finds bit 1 set does not look at bit 0
 *   SET_UNFENCED_WITHOUT_CAS  a ringer loads the bell and stores it with bit 1 set
 *   RING_CLEARS_UNFENCED      a ringer clears both bits
 *   NO_MEMBARRIER             a sleeper clears bit 1 and does not drain the buffers
 *   CLEAR_BEFORE_MEMBARRIER   a sleeper clears bit 1 when it sets bit 0, and drains the buffers afterwards
 *   CLEAR_WITHOUT_CAS         a sleeper clears bit 1 although a ring has cleared bit 0
 *   GIVE_UP_CLEARING          a sleeper that could not clear bit 1 sets bit 0 again and sleeps over bit 1
 *   SILENT_UNREGISTERED       with UNREGISTERED: ringer 0 passes no barrier either
 */
#ifndef RINGERS
#define RINGERS 2
#endif
#ifndef SLEEPERS
#define SLEEPERS 2
#endif
#ifndef FRAMES
#define FRAMES 2
#endif
#ifndef RINGERS_DIE
#define RINGERS_DIE 0
#endif
#ifndef SLEEPERS_DIE
#define SLEEPERS_DIE 0
#endif

/* shared words */
byte data[RINGERS];      /* what the sleepers wait for: how many frames each ringer has stored */
byte bell;               /* bit 0: somebody sleeps; bit 1: ringers look without a barrier; the rest counts rings */

byte buffered[RINGERS];  /* stores that others do not see yet */
bool asleep[SLEEPERS];   /* in the kernel */
byte deadRingers, deadSleepers;

/* what only the checks know */
byte finished;           /* ringers that are, or dead */

#define SEEN(i) (seen[i] == data[i])
#if RINGERS == 1
#define ALLSEEN SEEN(0)
#else
#define ALLSEEN (SEEN(0) && SEEN(1))
#endif

#if RINGERS_DIE > 0
#define RINGERMAYDIE if :: deadRingers < RINGERS_DIE -> deadRingers++; goto gone :: true fi
#else
#define RINGERMAYDIE skip
#endif
#if SLEEPERS_DIE > 0
#define SLEEPERMAYDIE if :: deadSleepers < SLEEPERS_DIE -> deadSleepers++; goto gone :: true fi
#else
#define SLEEPERMAYDIE skip
#endif

#ifdef UNREGISTERED
#define REGISTERED(i) (i != 0)
#else
#define REGISTERED(i) true
#endif

/* The processor empties the buffer in order, in its own time, also when the process has died. */
proctype Buffer(byte i) {
	do
	:: atomic { buffered[i] > 0 -> buffered[i]--; data[i]++ }
	:: atomic { data[i] + buffered[i] == FRAMES && buffered[i] == 0 -> break }
	od
}

inline ring() {
	do
	:: atomic {
			RINGERMAYDIE;
			v = bell;
			if
			:: (v & 1) == 0 && ((v & 2) || !REGISTERED(me)) -> v = 0; break
			:: (v & 3) == 0 && REGISTERED(me) -> /* not calm for long enough, or it has been */
				if
				:: v = 0; break
				:: goto calm
				fi
			:: else
			fi
		};
		atomic { /* CAS */
			buffered[me] == 0;
			RINGERMAYDIE;
			if
#ifdef RING_WITHOUT_COUNT
			:: bell == v -> bell = v - 1
#elif defined(RING_CLEARS_UNFENCED)
			:: bell == v -> bell = (v & ~3) + 4
#else
			:: bell == v -> bell = v - 1 + 4
#endif
			:: else -> v = 0
			fi
		};
		if
		:: v == 0
		:: v != 0 ->
			atomic { /* futex wake */
				RINGERMAYDIE;
				v = 0;
				do
				:: v == SLEEPERS -> break
				:: else ->
#ifdef WAKE_ONE
					if
					:: asleep[v] -> asleep[v] = false; break
					:: else
					fi;
#endif
					asleep[v] = false;
					v++
				od;
				v = 0
			};
			break
		fi
	od;
	goto done;
calm:	atomic { /* CAS */
		buffered[me] == 0;
		RINGERMAYDIE;
		if
#ifdef SET_UNFENCED_WITHOUT_CAS
		:: true -> bell = v | 2
#else
		:: bell == v -> bell = v | 2
		:: else
#endif
		fi;
		v = 0
	}
}

/* Without a barrier: nobody sleeps, and who wants to makes sure first that our store is seen. */
inline silent() {
	atomic {
		RINGERMAYDIE;
		if
#ifdef SILENT_UNREGISTERED
		:: (bell & 3) == 2 -> goto done
#elif defined(SILENT_OVER_SLEEPER)
		:: (bell & 2) && REGISTERED(me) -> goto done
#else
		:: (bell & 3) == 2 && REGISTERED(me) -> goto done
#endif
		:: else
		fi
	}
}

proctype Ringer(byte me) {
	byte m, v;
	do
	:: m == FRAMES -> break
	:: m < FRAMES ->
#ifndef BELL_BEFORE_STORE
		atomic { buffered[me]++; m++ };
#endif
		silent();
#ifndef NO_BARRIER_BEFORE_BELL
		buffered[me] == 0;
#endif
		ring();
done:		skip;
#ifdef BELL_BEFORE_STORE
		atomic { buffered[me]++; m++ }
#endif
	od;
gone:	finished++
}

/* A look at what the sleeper waits for: one load after the other. */
inline look() {
	do
	:: atomic { i == RINGERS -> i = 0; break }
	:: atomic {
			i < RINGERS ->
			SLEEPERMAYDIE;
			if
			:: !SEEN(i) -> seen[i] = data[i]; more = true
			:: else
			fi;
			i++
		}
	od
}

proctype Sleeper(byte me) {
	byte seen[RINGERS];
	byte i, v;
	bool more;
#ifdef GIVE_UP_CLEARING
	bool gaveUp;
#endif
awake:	do
	:: look();
		if
		:: more -> more = false
		:: else -> break
		fi
	od;
arm:	atomic {
		SLEEPERMAYDIE;
		v = bell;
		if
		:: (v & 3) == 1 -> goto armed
		:: (v & 3) == 3 -> goto drain
		:: else
		fi
	};
	atomic { /* CAS */
		SLEEPERMAYDIE;
		if
#ifdef CLEAR_BEFORE_MEMBARRIER
		:: bell == v && (v & 2) -> v = v + 1 - 2; bell = v; goto drain
#endif
#ifdef SET_BIT_WITHOUT_CAS
		:: true -> v = v | 1; bell = v
#else
		:: bell == v -> v = v | 1; bell = v
		:: else -> v = 0; goto arm
#endif
		fi;
		if
		:: v & 2
		:: else -> goto armed
		fi
	};
drain:
#ifdef GIVE_UP_CLEARING
	if
	:: gaveUp -> gaveUp = false; goto armed
	:: else
	fi;
#endif
#ifndef NO_MEMBARRIER
	do
	:: atomic { i == RINGERS -> i = 0; break }
	:: atomic {
			i < RINGERS ->
			SLEEPERMAYDIE;
			if
			:: REGISTERED(i) -> data[i] = data[i] + buffered[i]; buffered[i] = 0
			:: else
			fi;
			i++
		}
	od;
#endif
	atomic { /* CAS */
		SLEEPERMAYDIE;
		if
#ifdef CLEAR_BEFORE_MEMBARRIER
		:: (v & 2) == 0
#endif
#ifdef CLEAR_WITHOUT_CAS
		:: true -> v = v & ~2; bell = bell & ~2
#else
		:: bell == v -> v = v & ~2; bell = v
#ifdef GIVE_UP_CLEARING
		:: else -> gaveUp = true; v = 0; goto arm
#else
		:: else ->
			if
			:: v = 0; goto arm
			:: true /* the second time: it looks, and the changed bell keeps it from sleeping */
			fi
#endif
#endif
		fi
	};
armed:
#ifndef NO_SECOND_LOOK
	look();
	if
	:: more -> more = false; v = 0; goto awake
	:: else
	fi;
#endif
#ifdef SLEEP_ON_LATER_VALUE
	v = bell;
#endif
	atomic { /* futex wait */
		SLEEPERMAYDIE;
		if
		:: bell != v -> v = 0; goto awake
		:: else -> v = 0; asleep[me] = true
		fi
	};
	do
	:: atomic { !asleep[me] -> goto awake }
#ifndef NO_LOOK_AFTER_TIME
	/* to look where there is nothing to see leads back here */
	:: atomic { asleep[me] && deadRingers > 0 && !ALLSEEN -> asleep[me] = false; goto awake }
#endif
	:: atomic { timeout -> assert(ALLSEEN && finished == RINGERS); break } /* nobody can go on */
	od;
gone:	asleep[me] = false
}

init {
	atomic {
		byte i = 0;
		if
		:: bell = 2
		:: bell = 0
		fi;
		do
		:: i == RINGERS -> break
		:: else -> run Ringer(i); run Buffer(i); i++
		od;
		i = 0;
		do
		:: i == SLEEPERS -> break
		:: else -> run Sleeper(i); i++
		od;
		i = 0
	}
}
