package mem

import (
	"testing"

	"shmbus/internal/objcode"
)

// TestOperationsAreWhatTheyShouldBeOnArm64 keeps the table in docs/PROTOCOL.md, "Memory order", true.
func TestOperationsAreWhatTheyShouldBeOnArm64(t *testing.T) {
	code := objcode.Build(t, "shmbus/internal/mem")
	ordered := []objcode.Class{
		objcode.StoreRelease, objcode.LoadAcquire, objcode.ExclusiveLoad, objcode.ExclusiveStore,
		objcode.AcquireReleaseCAS, objcode.AcquireReleaseRMW,
	}
	for name, want := range map[string][]objcode.Class{
		"(*Word).Load":             {objcode.LoadAcquire},
		"(*Word).Store":            {objcode.StoreRelease},
		"(*Word).StoreRelease":     {objcode.StoreRelease},
		"(*Word).CompareAndSwap":   {objcode.AcquireReleaseCAS, objcode.ExclusiveLoad, objcode.ExclusiveStore},
		"(*Word).Add":              {objcode.AcquireReleaseRMW, objcode.ExclusiveLoad, objcode.ExclusiveStore},
		"(*Word32).Load":           {objcode.LoadAcquire},
		"(*Word32).Store":          {objcode.StoreRelease},
		"(*Word32).CompareAndSwap": {objcode.AcquireReleaseCAS, objcode.ExclusiveLoad, objcode.ExclusiveStore},
		"(*Plain).Get":             nil,
		"(*Plain).Set":             nil,
		"(*Fence).LoadLoad":        {objcode.StoreRelease},
	} {
		f := code[name]
		if f == nil {
			t.Errorf("no function %s", name)
			continue
		}
		for _, class := range ordered {
			n := 0
			for _, w := range want {
				if w == class {
					n = 1
				}
			}
			if got := f.Count(objcode.Is(class)); got != n {
				t.Errorf("%s has %d instructions of class %d, want %d", name, got, class, n)
			}
		}
		if n := f.Count(objcode.Is(objcode.WeakerAtomic, objcode.Call)); n != 0 {
			t.Errorf("%s has %d weaker atomic instructions or calls", name, n)
		}
	}
}
