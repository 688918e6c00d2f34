package topics

import (
	"reflect"
	"strings"
	"testing"

	"shmbus/internal/objcode"
)

// offsetOf is the offset of a field in memory.
func offsetOf[T any](t *testing.T, field string) uintptr {
	t.Helper()
	f, ok := reflect.TypeFor[T]().FieldByName(field)
	if !ok {
		t.Fatalf("no field %s", field)
	}
	return f.Offset
}

// TestTheOrderOfAccessesOnArm64 looks at all paths through the functions that rest on it. The argument is in docs/PROTOCOL.md, "arm64".
func TestTheOrderOfAccessesOnArm64(t *testing.T) {
	code := objcode.Build(t, "shmbus/topics")
	load, store, ret := objcode.Is(objcode.LoadAcquire), objcode.Is(objcode.StoreRelease), objcode.Is(objcode.Return)
	head := objcode.IsAt(objcode.LoadAcquire, offsetOf[control](t, "head"))
	sole := objcode.IsAt(objcode.LoadAcquire, offsetOf[control](t, "sole"))
	claim := objcode.IsAt(objcode.StoreRelease, offsetOf[writerLine](t, "claim"))
	length := objcode.IsAt(objcode.StoreRelease, offsetOf[writerLine](t, "length"))
	cas := objcode.Is(objcode.AcquireReleaseCAS)
	llsc := objcode.Is(objcode.ExclusiveLoad)
	swap := func(f *objcode.Func, i int) bool { return cas(f, i) || llsc(f, i) }
	pin := objcode.IsAt(objcode.StoreRelease, offsetOf[gateLine](t, "pin"))
	copied, took := objcode.Calls("runtime.memmove"), objcode.Calls("shmbus/topics.(*Writer).take")
	settled := objcode.Calls("shmbus/topics.(*Writer).settle") // after a claim that was not taken
	granted := objcode.Calls("shmbus/topics.(*Writer).granted")
	counted := objcode.IsAt(objcode.StoreRelease, offsetOf[writerLine](t, "frames"))
	again, anew := objcode.Calls("shmbus/topics.(*Writer).claimAgain"), objcode.Calls("shmbus/topics.(*Writer).claim") // the first may be inlined
	looked := func(f *objcode.Func, i int) bool { return head(f, i) || granted(f, i) }
	sent := objcode.IsAt(objcode.StoreRelease, offsetOf[writerLine](t, "bytes"))
	stamp := func(f *objcode.Func, i int) bool { return store(f, i) && !claim(f, i) && !sent(f, i) }
	cursor := objcode.IsAt(objcode.LoadAcquire, offsetOf[gateLine](t, "state"))
	fence := objcode.IsAt(objcode.StoreRelease, offsetOf[Reader](t, "fence"))

	described := func(f *objcode.Func, i int) bool { return strings.HasPrefix(f.Insts[i].Source, "plain.go:") } // mem.Read

	for _, c := range []struct {
		why, name     string
		from, via, to objcode.Pick
	}{
		{"the copy's loads are before the fence", "(*Reader).Copy", copied, fence, load},
		{"the head is loaded after the fence", "(*Reader).Copy", fence, head, ret},
		{"a copy is handed out after that only", "(*Reader).Copy", copied, head, ret},
		{"the length is announced first", "(*Writer).take", nil, length, claim},
		{"the claim is announced before the tail's CAS", "(*Writer).take", nil, claim, cas},
		{"also by LDAXR", "(*Writer).take", nil, claim, llsc},
		{"whether a claim is good is asked of the head", "(*Writer).granted", nil, head, ret},
		{"it is asked after the claim", "(*Writer).claim", took, func(f *objcode.Func, i int) bool { return settled(f, i) || granted(f, i) }, ret},
		{"Claim announces the length first", "(*Writer).Claim", nil, length, claim},
		{"Claim announces the claim before the tail's CAS", "(*Writer).Claim", nil, claim, cas},
		{"also by LDAXR", "(*Writer).Claim", nil, claim, llsc},
		{"Claim loads the head after the claim", "(*Writer).Claim", swap, func(f *objcode.Func, i int) bool { return looked(f, i) || again(f, i) || anew(f, i) }, ret},
		{"a batch is filled after that", "(*Writer).Batch", took, granted, objcode.Calls("shmbus/topics.(*Writer).fill")},
		{"Commit stores the stamp after the description", "(*Writer).Commit", counted, stamp, ret},
		{"Commit closes the claim before it returns", "(*Writer).Commit", counted, claim, ret},
		{"a large frame's stamp is stored after the description", "(*Writer).fillLarge", counted, stamp, ret},
		{"Publish announces the length first", "(*Writer).publish", nil, length, claim},
		{"Publish announces the claim before the tail's CAS", "(*Writer).publish", nil, claim, cas},
		{"also by LDAXR", "(*Writer).publish", nil, claim, llsc},
		{"Publish loads the head after the claim and before the first byte", "(*Writer).publish", swap, looked, copied},
		{"Publish stores the stamp after the description", "(*Writer).publish", counted, stamp, ret},
		{"Publish closes the claim before it returns", "(*Writer).publish", counted, claim, ret},
		{"a run grows after a claim that was announced before the look who is the sole publisher", "(*Writer).Publish", nil, claim, sole},
		{"which comes before the first byte", "(*Writer).Publish", claim, sole, copied},
		{"and before the tail's store", "(*Writer).Publish", claim, sole, counted},
		{"where it is a CAS, the head is loaded before the first byte", "(*Writer).Publish", swap, head, copied},
		{"a run's longer stamp is stored after the frame was counted", "(*Writer).Publish", counted, stamp, ret},
		{"closing a claim is a store", "(*Writer).closeClaim", nil, claim, ret},
		{"the frame's description is loaded after the stamp", "(*Reader).find", nil, load, described},
		{"also when several are read", "(*Reader).BorrowMany", nil, load, described},
		{"what is described before a kick is whole", "(*Reader).BorrowMany", described, fence, cursor},
		{"also a frame of several slots", "(*Reader).borrowOther", objcode.Calls("shmbus/topics.(*Reader).find"), store, cursor},
		{"also those of a run", "(*Reader).mayBorrow", nil, store, cursor},
		{"which is asked before they are handed out", "(*Reader).borrowRun", nil, objcode.Calls("shmbus/topics.(*Reader).mayBorrow"), ret},
		{"also as one", "(*Reader).BorrowRun", objcode.Calls("shmbus/topics.(*Reader).entered"), objcode.Calls("shmbus/topics.(*Reader).mayBorrow"), ret},
		{"a run's stamp is stored after its description", "(*Writer).fillRun", counted, stamp, ret},
		{
			"a gate's cursor is stored by a CAS", "(*Reader).Store", objcode.IsAt(objcode.StoreRelease, offsetOf[gateLine](t, "received")),
			swap, ret,
		},
		{"a joining gate's cursor is stored before the head's CAS", "(*Ring).joinHead", nil, store, cas},
		{"a member pins before it moves the group's cursor", "(*Reader).Take", nil, pin, swap},
		{"an adopter pins before it counts", "(*Reader).adopt", nil, pin, swap},
		{
			"the pin is stored with release, where the line is the member's", "(*Reader).pin",
			objcode.IsAt(objcode.LoadAcquire, offsetOf[gateLine](t, "subscription")), pin, ret,
		},
	} {
		f := code[c.name]
		if f == nil {
			t.Errorf("%s: no function %s", c.why, c.name)
			continue
		}
		if err := f.Between(c.from, c.via, c.to); err != nil {
			t.Errorf("%s: %v", c.why, err)
		}
	}

	for name, f := range code {
		if n := f.Count(objcode.Is(objcode.WeakerAtomic)); n != 0 {
			t.Errorf("%s has %d atomic instructions that are not both acquire and release", name, n)
		}
	}
}
