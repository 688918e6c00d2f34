package supervise

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"shmbus/plugins"
)

// TestAProgramInPATHIsLookedAtAsAnyOther: replaced, gone, put before another one, with another checksum.
func TestAProgramInPATHIsLookedAtAsAnyOther(t *testing.T) {
	r := newRig(t)
	bin := [2]string{filepath.Join(filepath.Dir(r.dir), "first"), filepath.Join(filepath.Dir(r.dir), "second")}
	for _, dir := range bin {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	put := func(dir, text string) (sum string) {
		t.Helper()
		path := filepath.Join(dir, "tool")
		if err := os.WriteFile(path+".new", []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%x", sha256.Sum256([]byte(text)))
	}
	manifest := func(name, more string) {
		t.Helper()
		r.write(name+".toml", fmt.Sprintf("contract = \"bus\"\ncommand = [\"tool\"]\nenv = { PATH = \"%s:%s\" }\n%s", bin[0], bin[1], more), 0o644)
	}
	sum := put(bin[1], script)
	manifest("a", "")
	manifest("pinned", "sha256 = \""+sum+"\"\n")
	manifest("wrong", "sha256 = \""+sum[2:]+"00\"\n")
	r.start()
	first, pinned := r.runs("a"), r.runs("pinned")
	r.is("wrong", plugins.Refused, "wrong.toml: line 4: sha256: "+bin[1]+"/tool has the sha256 "+sum)

	put(bin[1], script+"#\n")
	second := r.runs("a", first)
	r.is("pinned", plugins.Running, bin[1]+"/tool has the sha256 ")

	if err := os.Remove(filepath.Join(bin[1], "tool")); err != nil {
		t.Fatal(err)
	}
	r.is("a", plugins.Running, `line 2: command: "tool" is not in PATH of env`)
	put(bin[0], script)
	r.runs("a", second)
	r.until("the checksum is right again", func() bool { return r.state("pinned").Problem == "" })
	r.runs("pinned", pinned) // another file is there
}
