package bytesize

import (
	"encoding/json"
	"testing"
)

func TestSizesWithUnits(t *testing.T) {
	for s, want := range map[string]int{"1": 1, "64": 64, "1KiB": 1024, "1.5MiB": 3 << 19, "2 MB": 2e6, "8k": 8192, "7B": 7} {
		var b Size
		if err := b.Set(s); err != nil || int(b) != want {
			t.Errorf("%q is %d, %v; want %d", s, b, err, want)
		}
	}
	for _, s := range []string{"", "0", "-1", "x", "1.5", "KiB", "9000000000GiB", "NaN", "1e99"} {
		var b Size
		if err := b.Set(s); err == nil {
			t.Errorf("%q is taken for %d", s, b)
		}
	}
}

func TestASizeIsTheSameAfterJSON(t *testing.T) {
	b, err := json.Marshal(Size(1536))
	if err != nil || string(b) != `"1536"` {
		t.Fatalf("%s, %v", b, err)
	}
	var s Size
	if err := json.Unmarshal(b, &s); err != nil || s != 1536 {
		t.Errorf("%d, %v", s, err)
	}
}
