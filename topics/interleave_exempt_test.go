//go:build shmbus_sched

package topics

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"shmbus/internal/sched"
)

// exempt says why nobody need notice what is done to a store; "" if somebody must.
func exempt(r row) string {
	if forPeople.MatchString(r.site.Code) {
		return "for people only"
	}
	for _, e := range exemptions {
		if strings.HasSuffix(r.site.Func, e.function) && strings.Contains(r.site.Code, e.code) && strings.Contains(e.how, hows[r.how]) {
			return e.why
		}
	}
	return ""
}

var (
	leftOut = hows[sched.Skip]
	behind  = hows[sched.Swap]
	weak    = hows[sched.Weak]
)

var exemptions = []struct{ function, code, how, why string }{
	{"Writer.describe", "d.", behind, "it still comes before the stamp, and that is all it has to"},
	{"Writer.fillLarge", "mem.Copy", behind, "it still comes before the stamp, and that is all it has to"},
	{"copyShort", "", behind, "it still comes before the stamp, and that is all it has to"},
	{"mem.Fill", "", behind, "it still comes before the stamp, and that is all it has to"},
	{"Writer.Fill", "mem.Copy", behind, "it still comes before the stamp, and that is all it has to"},
	{"writerLine.announce", "length", behind, "it still comes before the tail moves, and nobody asks for the length of a claim above the tail"},
	{"Writer.advance", "tail.StoreRelease", behind, "the head has made room before, so that nobody reads where the first word goes"},
	{"Writer.passEdge", "mem.Copy", behind, "it still comes before the stamp, and that is all it has to"},
	{"Writer.publishEdge", "mem.Copy", behind, "it still comes before the stamp, and that is all it has to"},
	{"Writer.publishEdge", "spare.Set", leftOut + behind, "it has no meaning, and nobody loads it"},
	{"Writer.publishEdgeOther", "tail.StoreRelease", behind, "the head has made room before, so that nobody reads where the first word goes"},
	{"Writer.publishEdge", "tail.StoreRelease", behind, "the head has made room before, so that nobody reads where the first word goes"},
	{"Writer.Publish", "tail.StoreRelease", behind, "the head has made room before, so that nobody reads where the first word goes"},
	{"Writer.publish", "claim.StoreRelease", leftOut, "a claim of one slot whose frame is there is none"},
	{"Writer.takeLines", "spare.Set", leftOut + behind, "it has no meaning, and nobody loads it"},
	{"Cells.Take", "Set(0)", leftOut, "what is stored there has no meaning"},
	{"Writer.stampPad", "", behind, "it still comes before the claim is cleared; the order of stamps within a claim is free"},
	{"Writer.begin", "sole.Store", leftOut, "then each claim is a CAS"},
	{"Writer.begin", "sole.Store", behind, "it still comes before a claim is announced"},
	{"Ring.resign", "sole.CompareAndSwap", leftOut + behind, "who comes ends that key, and no other"},
	{"Writer.ask", "CompareAndSwap(0, key)", leftOut, "then each claim is a CAS"},
	{"Writer.ask", "CompareAndSwap(key, 0)", leftOut + behind, "who comes ends that key, and no other"},
	{"Ring.contest", "value|contested", behind, "the one that ends it fails then, and all is done again"},
	{"Writer.TakeTurn", "", leftOut + behind, "fairness only"},
	{"Writer.PassTurn", "", behind, "fairness only"},
	{"Ring.finishLine", "turn.CompareAndSwap", leftOut + behind, "a turn on a line that is free is cleared by who waits for it"},
	{"Ring.finishLine", "l.claim.StoreRelease", behind, "the turn comes between: the line is not free before"},
	{"Ring.joinHead", "state.Store", weak, "the swap of the head behind it is the barrier"},
	{"Reader.Close", "state.Store", weak, "the store of the owner behind it is the barrier"},
	{"Ring.ReapGate", "!g.bars()", leftOut + behind, "a line that bars and is nobody's: only of corrupt memory"},
	{"Ring.ReapGate", "state.Store", weak, "the store of the owner behind it is the barrier"},
	{"Ring.freeGate", "state.Store", weak, "the store of the owner behind it is the barrier"},
	{"", "owner.Store(0)", weak, "nobody sleeps until a line is free"},
	{"", "owner.Store(0)", behind, "it is the last one"},
	{"Ring.Remove", "", behind, "it is the last one"},
	{"Ring.NewWriter", "publisher.Store", leftOut + behind + weak, "loss by publisher only; the sum does not need it"},
	{"Reader.show", "state.StoreRelease", leftOut + behind, "a lossy subscription's place is for people"},
	{"Ringer.Calm", "v|unfenced", leftOut, "then each look has a fence"},
	{"Bell.arm", "v|asleep", behind, "who lies down compares the bell with what it has set there"},
}

var storing = regexp.MustCompile(`[^r]\.(Store|StoreRelease|CompareAndSwap|Add|Set)\(|mem\.Copy\(`)

// unreached are stores that no scenario comes by.
var unreached = []struct{ code, why string }{
	{"turn != 0 && r.control.turn.CompareAndSwap(turn, 0)", "a turn of no line at all: only of a corrupt word"},
	{"return r.control.turn.CompareAndSwap(turn, 0)", "a turn on a free line: whoever frees a line clears its turn first"},
	{"l.attempts.Store", "of groups"},
	{"line.blocked.StoreRelease", "for people only"},
	{"mem.Copy(buf,", "it stores to private memory"},
	{"mem.Copy(r.payload(t, len(p)), p)", "of a frame of more than 128 bytes in one slot; the scenarios have slots of 64. As in fillLarge"},
	{"mem.Copy(p[:n], b[:n])", "the first part of a large frame, before the rest of it"},
}

// everyStoreIsThere sees that the scenarios come by each store that the code has.
func everyStoreIsThere(t *testing.T, rows []row) {
	reached := make(map[string]bool)
	for _, r := range rows {
		reached[r.site.Name] = true
	}
	for _, file := range []string{"writer.go", "sole.go", "publish.go", "room.go", "run.go", "grow.go", "lines.go", "reader.go", "join.go", "loss.go", "reap.go"} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
	lines:
		for i, l := range strings.Split(string(b), "\n") {
			if !storing.MatchString(l) || reached[fmt.Sprintf("%s:%04d", file, i+1)] || strings.HasPrefix(strings.TrimSpace(l), "//") {
				continue
			}
			for _, u := range unreached {
				if strings.Contains(l, u.code) {
					continue lines
				}
			}
			t.Errorf("no scenario comes by %s:%d: %s", file, i+1, strings.TrimSpace(l))
		}
	}
}
