#!/usr/bin/env bash
# Runs the models: the right ones must pass, and each wrong variant must fail. Needs spin and gcc.
#
#     docs/model/check.sh               all of them, in about two minutes on two cores
#     docs/model/check.sh ring wake     these models only
#     JOBS=1 docs/model/check.sh        one at a time
#
# A right one passes when all states have been looked at, no assertion fails in any of them, and there is no cycle: then every run
# comes to an end, and the last state of each was judged. Those with the most states ("wide") are not searched for cycles. A wrong
# one must fail by an assertion, or with a cycle.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
readonly here
readonly JOBS=${JOBS:-2} MEMORY=1500 LIMIT=300 # MB and seconds, each

# right MODEL FLAGS..., or wide MODEL FLAGS...
rights() {
    wide ring -DN=2 -DFRAMES=2 -DDEATHS=0 -DIDLE -DFINE
    right ring -DN=2 -DFRAMES=2 -DDEATHS=1
    wide ring -DN=2 -DFRAMES=2 -DDEATHS=1 -DIDLE
    wide ring -DN=2 -DFRAMES=2 -DDEATHS=2
    right ring -DN=4 -DFRAMES=2 -DDEATHS=1 -DSPANS12
    wide ring -DN=4 -DFRAMES=4 -DDEATHS=0 -DSPANS12
    wide ring -DN=2 -DFRAMES=1 -DDEATHS=1 -DNW=3
    right ring -DN=2 -DFRAMES=1 -DDEATHS=2 -DNW=3 -DFINE -DNOREADER
    wide ring -DN=4 -DFRAMES=3 -DDEATHS=0 -DGROW
    right ring -DN=4 -DFRAMES=2 -DDEATHS=1 -DGROW
    right group -DN=2 -DFRAMES=3 -DDEATHS=0 -DNM=3 -DEAGER
    right group -DN=2 -DFRAMES=3 -DDEATHS=1 -DNM=2 -DEAGER
    wide group -DN=2 -DFRAMES=3 -DDEATHS=1 -DNM=3
    right group -DN=2 -DFRAMES=4 -DDEATHS=1 -DNM=2 -DSPARE=1
    right group -DN=4 -DFRAMES=5 -DDEATHS=1 -DNM=2
    right wake -DRINGERS=1 -DSLEEPERS=2 -DFRAMES=3
    right wake -DRINGERS=2 -DSLEEPERS=1 -DFRAMES=2
    wide wake -DRINGERS=2 -DSLEEPERS=2 -DFRAMES=1
    right wake -DRINGERS=1 -DSLEEPERS=2 -DFRAMES=2 -DSLEEPERS_DIE=1
    right wake -DRINGERS=1 -DSLEEPERS=2 -DFRAMES=2 -DRINGERS_DIE=1
    wide wake -DRINGERS=2 -DSLEEPERS=1 -DFRAMES=2 -DUNREGISTERED
    right tail -DPUBLISHERS=2 -DFRAMES=2 -DASKS=2
    right tail -DPUBLISHERS=2 -DFRAMES=2 -DASKS=1 -DDEATHS=1
    right tail -DPUBLISHERS=2 -DFRAMES=2 -DASKS=1 -DUNREGISTERED
    right tail -DPUBLISHERS=2 -DFRAMES=2 -DFRAMES1=1 -DASKS=1 -DREMOVAL
    wide tail -DPUBLISHERS=3 -DFRAMES=1 -DASKERS=1 -DASKS=2
    wide tail -DPUBLISHERS=3 -DFRAMES=1 -DASKERS=2 -DASKS=1
    wide tail -DPUBLISHERS=3 -DFRAMES=1 -DASKERS=1 -DASKS=1 -DDEATHS=2
}

# wrong MODEL VARIANT FLAGS..., or cycle MODEL VARIANT FLAGS... where a cycle is what is wrong
wrongs() {
    local v
    for v in EVICT_WITHOUT_STAMP GATE_BEFORE_HEAD NO_COUNT_ON_JOIN NO_MOVE_UP_ON_JOIN NEWEST_IS_TAIL; do
        wrong ring $v -DN=2 -DFRAMES=2 -DDEATHS=0
    done
    wrong ring NEWEST_BY_START -DN=4 -DFRAMES=4 -DDEATHS=0 -DSPANS12
    for v in MOVE_BEHIND_GROWING WAIT_FOR_SLOT_ONLY NO_LOOK_BACK; do
        wrong ring $v -DN=4 -DFRAMES=4 -DDEATHS=0 -DGROW
    done
    wrong ring NO_LOOK_BACK_ON_JOIN -DN=4 -DFRAMES=2 -DDEATHS=0 -DGROW
    wrong ring REAP_WITHIN_RUN -DN=4 -DFRAMES=2 -DDEATHS=1 -DIDLE -DGROW
    for v in ANNOUNCE_AFTER_CAS CLEAR_CLAIM_BEFORE_STAMP REAP_WITHOUT_CAS REAP_WITHOUT_LINES REAP_PAST_TAIL REAP_BELOW_HEAD \
        NO_REAPING; do
        wrong ring $v -DN=2 -DFRAMES=2 -DDEATHS=1 -DIDLE
    done
    wrong ring REAP_WITHOUT_OWNER -DN=2 -DFRAMES=1 -DDEATHS=2 -DNW=3 -DFINE
    cycle ring NEVER_SLEEPS -DN=2 -DFRAMES=1 -DDEATHS=0
    for v in PINS_BEFORE_CURSOR PIN_AFTER_CURSOR UNPIN_BEFORE_DONE ADOPT_WITHOUT_OWN_PIN ADOPT_WITHOUT_COUNT ADOPT_PASSED \
        ADOPT_NOT_TAKEN NO_ADOPTION; do
        wrong group $v -DN=2 -DFRAMES=3 -DDEATHS=1 -DNM=2 -DEAGER
    done
    cycle group PASSED_PIN_STAYS -DN=2 -DFRAMES=3 -DDEATHS=1 -DNM=2
    for v in ADOPT_WITHOUT_CAS PIN_CLEARED_WITHOUT_GENERATION; do
        wrong group $v -DN=2 -DFRAMES=3 -DDEATHS=1 -DNM=3 -DSPARE=1
    done
    wrong wake RING_CLEARS_UNFENCED -DRINGERS=2 -DSLEEPERS=2 -DFRAMES=1
    for v in NO_BARRIER_BEFORE_BELL BELL_BEFORE_STORE RING_WITHOUT_COUNT WAKE_ONE NO_SECOND_LOOK SET_BIT_WITHOUT_CAS \
        SLEEP_ON_LATER_VALUE SILENT_OVER_SLEEPER SET_UNFENCED_WITHOUT_CAS NO_MEMBARRIER CLEAR_BEFORE_MEMBARRIER CLEAR_WITHOUT_CAS \
        GIVE_UP_CLEARING; do
        wrong wake $v -DRINGERS=1 -DSLEEPERS=2 -DFRAMES=2
    done
    wrong wake SILENT_UNREGISTERED -DRINGERS=2 -DSLEEPERS=1 -DFRAMES=1 -DUNREGISTERED
    wrong wake NO_LOOK_AFTER_TIME -DRINGERS=1 -DSLEEPERS=2 -DFRAMES=2 -DRINGERS_DIE=1
    for v in ANNOUNCE_AFTER_SOLE NO_MEMBARRIER_ON_ASK NO_LOOK_AT_OTHERS SOLE_WITHOUT_CAS TAIL_FROM_BEFORE GIVE_UP_WITHOUT_CAS \
        NO_MEMBARRIER_ON_CONTEST LOOK_BEFORE_MEMBARRIER NO_LOOK_AT_CLAIM FREE_WITHOUT_CAS FREE_OWN_WITHOUT_CAS; do
        wrong tail $v -DPUBLISHERS=2 -DFRAMES=2 -DASKS=2
    done
    for v in MEMBARRIER_BY_ONE FREE_AT_ONCE KEYS_COME_AGAIN; do
        wrong tail $v -DPUBLISHERS=3 -DFRAMES=1 -DASKERS=1 -DASKS=2
    done
    wrong tail CONTEST_WITHOUT_CAS -DPUBLISHERS=3 -DFRAMES=1 -DASKERS=2 -DASKS=1
    wrong tail UNFENCED_UNREGISTERED -DPUBLISHERS=2 -DFRAMES=2 -DASKS=1 -DUNREGISTERED
    wrong tail REMOVE_WITHOUT_CONTEST -DPUBLISHERS=2 -DFRAMES=2 -DFRAMES1=1 -DASKS=1 -DREMOVAL
    for v in DEAD_BEFORE_SEEN NO_REAPING; do
        wrong tail $v -DPUBLISHERS=2 -DFRAMES=2 -DASKS=1 -DDEATHS=1
    done
    cycle tail NEVER_SLEEPS -DPUBLISHERS=2 -DFRAMES=2 -DASKS=1
}

wide() { job "$1" - states "${@:2}"; }
right() { job "$1" - cycles "${@:2}"; }
wrong() { job "$1" "$2" states "${@:3}" "-D$2"; }
cycle() { job "$1" "$2" cycles "${@:3}" "-D$2"; }

started=0
job() {
    [[ " $models " == *" $1 "* ]] || return
    while (($(jobs -rp | wc -l) >= JOBS)); do wait -n; done
    started=$((started + 1))
    run "$dir/$started" "$@" &
}

# run OUT MODEL VARIANT MODE FLAGS...: one model is compiled and run in a folder of its own, and a line is printed.
run() {
    local out=$1 model=$2 variant=$3 mode=$4 cc=(-O0 -DSAFETY) args=(-E) verdict start=$SECONDS
    shift 4
    [[ $mode == states ]] || { cc=(-O0 -DNP) args=(-E -l); }
    [[ $variant != - || $mode != states ]] || cc[0]=-O1 # only there are so many states that it pays
    mkdir "$out.d" && cd "$out.d" || return
    if ! { timeout $LIMIT spin -a "$@" "$here/$model.pml" &&
        timeout $LIMIT gcc -w "${cc[@]}" -DCOLLAPSE -DMEMLIM=$MEMORY -o pan pan.c; } >log 2>&1; then
        verdict="NOT COMPILED"
    else
        timeout $LIMIT ./pan "${args[@]}" -m100000 -w22 >log 2>&1
        case $(grep -oE '^pan:1: (assertion violated|non-progress cycle)|errors: [0-9]+|Search not completed|max search depth too small' log | tr '\n' ' ') in
        "errors: 0 ") verdict=passes ;;
        "pan:1: assertion violated "*"errors: 1 ") verdict=fails ;;
        "pan:1: non-progress cycle "*"errors: 1 ") verdict=cycles ;;
        *) verdict="NOT FINISHED" ;;
        esac
    fi
    [[ $variant == - && $verdict == passes || $variant != - && $mode == states && $verdict == fails ||
        $variant != - && $mode == cycles && $verdict == cycles ]] || { verdict="$verdict, WRONG" && cp log "$out.bad"; }
    printf '%-6s %-31s %-12s %10s states %4d s   %s\n' "$model" "$variant" "$verdict" \
        "$(grep -oE '[0-9]+ states, stored' log | grep -oE '^[0-9]+')" $((SECONDS - start)) "${*#-D}" | tee "$out"
    rm -rf "$out.d"
}

for tool in spin gcc; do
    command -v $tool >/dev/null || { echo "no $tool here" >&2; exit 77; }
done
models=${*:-ring group wake tail}
dir=$(mktemp -d) || exit
trap 'rm -rf "$dir"' EXIT
rights
wrongs
wait
bad=$(find "$dir" -name '*.bad' | wc -l)
ran=$(find "$dir" -type f ! -name '*.bad' | wc -l)
find "$dir" -name '*.bad' -exec cat {} +
echo "$ran models, $bad not as they should be, $SECONDS s"
((bad == 0 && ran > 0))
