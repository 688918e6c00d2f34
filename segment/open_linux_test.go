package segment

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

var bothAccesses = []Access{ReadOnly, ReadWrite}

func TestOpenRefusesWhatIsNoSegment(t *testing.T) {
	real := create(t, Options{})
	for _, c := range []struct {
		name string
		make func(path string) error
		want error
	}{
		{"nothing", func(string) error { return nil }, fs.ErrNotExist},
		{"empty", func(p string) error { return os.WriteFile(p, nil, 0o600) }, ErrTruncated},
		{"short", func(p string) error { return os.WriteFile(p, []byte("shmb"), 0o600) }, ErrTruncated},
		{"text", func(p string) error { return os.WriteFile(p, make([]byte, 100000), 0o600) }, ErrNotSegment},
		{"directory", func(p string) error { return os.Mkdir(p, 0o700) }, ErrNotSegment},
		{"fifo", func(p string) error { return unix.Mkfifo(p, 0o600) }, ErrNotSegment},
		{"link", func(p string) error { return os.Symlink(real.Path(), p) }, ErrNotSegment},
		{"dangling", func(p string) error { return os.Symlink("/nowhere", p) }, ErrNotSegment},
		{"bell", func(p string) error { return os.Link(real.path(extBell), p) }, ErrNotSegment},
	} {
		if err := c.make(filepath.Join(real.Dir(), c.name+extSegment)); err != nil {
			t.Fatal(err)
		}
		for _, a := range bothAccesses {
			if _, err := Open(real.Dir(), c.name, a); !errors.Is(err, c.want) {
				t.Errorf("%s, %v: error is %v, want %v", c.name, a, err, c.want)
			}
		}
	}
	for _, name := range []string{"", ".a", "-a", "a/b", "../a", "a b", "ä", string(make([]byte, 65))} {
		if _, err := Open(real.Dir(), name, ReadOnly); err == nil || CheckName(name) == nil {
			t.Errorf("%q is taken for a name", name)
		}
	}
	if _, err := Open(real.Dir(), "a", Access(7)); err == nil {
		t.Error("access 7 is fine")
	}
}

func TestATruncatedFileIsAnErrorAtEveryLength(t *testing.T) {
	s := create(t, Options{})
	off, err := s.Grow(4*4096, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	for _, c := range []struct {
		ext   string
		sizes []int64
		needs func(a Access) bool
	}{
		{extSegment, []int64{
			0, 1, 7, 8, 16, 255, 256, 4095, 4096, 4097, s.head.participants, s.head.regionsStart - 1,
			off, off + 4*4096 - 1,
		}, func(Access) bool { return true }},
		{extBell, []int64{0, 8, 127, 128, 4096, 8191}, func(Access) bool { return true }},
		{extLease, []int64{0, 8, 63}, func(a Access) bool { return a == ReadWrite }},
	} {
		whole, err := os.ReadFile(s.path(c.ext))
		if err != nil {
			t.Fatal(err)
		}
		for _, size := range c.sizes {
			if err := os.Truncate(s.path(c.ext), size); err != nil {
				t.Fatal(err)
			}
			for _, a := range bothAccesses {
				x, err := Open(s.Dir(), "a", a)
				if c.needs(a) != (errors.Is(err, ErrTruncated) || errors.Is(err, ErrNotSegment)) {
					t.Errorf("%s cut to %d bytes, %v: error is %v", c.ext, size, a, err)
				}
				if err == nil {
					x.Close()
				}
			}
			if err := os.WriteFile(s.path(c.ext), whole, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	open(t, s.Dir(), "a", ReadWrite)
}

func TestAFileThatShrinksAfterOpenIsAnErrorWhereItIsLooked(t *testing.T) {
	s := create(t, Options{})
	off, err := s.Grow(8*4096, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(s.Path(), off+4096); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Map(off, 8*4096, 8*4096); !errors.Is(err, ErrTruncated) {
		t.Errorf("Map: %v", err)
	}
	if _, err := s.Grow(4096, nil); !errors.Is(err, ErrTruncated) {
		t.Errorf("Grow: %v", err)
	}
	if err := os.Truncate(s.Path(), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Join(); !errors.Is(err, ErrTruncated) {
		t.Errorf("Join: %v", err)
	}
	if !s.Stale() {
		t.Error("a file of no bytes is not stale")
	}
}

// use does with an opened segment what needs its header.
func use(s *Segment) {
	defer s.Close()
	_ = s.Table()[len(s.Table())-1]
	_ = s.Bells()[len(s.Bells())-1]
	s.ParticipantTable()
	for slot := range 3 {
		s.Alive(newOwner(slot, 1))
	}
	s.Alive(newOwner(65535, maxGeneration))
	if p, err := s.Join(); err == nil {
		p.Check()
		p.Leave()
	}
	if m, err := s.Map(s.RegionsStart(), 4096, 0); err == nil {
		_ = m.Bytes()[4095]
		m.Close()
	}
	s.Stale()
}

func TestRandomDamageGivesAnErrorOrAUsableSegment(t *testing.T) {
	s := create(t, Options{Participants: 8})
	if _, err := s.Grow(4096, nil); err != nil {
		t.Fatal(err)
	}
	s.Close()
	whole := map[string][]byte{}
	for _, ext := range []string{extSegment, extBell, extLease} {
		b, err := os.ReadFile(s.path(ext))
		if err != nil {
			t.Fatal(err)
		}
		whole[ext] = b
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	opened, refused := 0, 0
	for i := range 600 {
		ext := []string{extSegment, extSegment, extSegment, extBell, extLease}[rnd.IntN(5)]
		b := append([]byte(nil), whole[ext]...)
		for range 1 + rnd.IntN(2) {
			if rnd.IntN(3) == 0 && ext == extSegment { // the participant table
				b[int(s.head.participants)+rnd.IntN(8*64)] = byte(rnd.Int())
			} else {
				b[rnd.IntN(min(len(b), headerBytes))] ^= 1 << rnd.IntN(8)
			}
		}
		if err := os.WriteFile(s.path(ext), b, 0o600); err != nil {
			t.Fatal(err)
		}
		x, err := Open(s.Dir(), "a", bothAccesses[i%2])
		if err == nil {
			opened++
			use(x)
		} else {
			refused++
		}
		if err := os.WriteFile(s.path(ext), whole[ext], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if opened == 0 || refused == 0 {
		t.Errorf("%d opened, %d refused: the damage is of one kind only", opened, refused)
	}
}

func TestADeadSegmentIsNotThereAndItsNameIsFree(t *testing.T) {
	s := create(t, Options{})
	r := open(t, s.Dir(), "a", ReadOnly)
	if s.Stale() || r.Stale() {
		t.Error("a new segment is stale")
	}
	if err := r.MarkDead(); !errors.Is(err, ErrReadOnly) {
		t.Errorf("a tap marks dead: %v", err)
	}
	if err := s.MarkDead(); err != nil {
		t.Fatal(err)
	}
	if !s.Stale() || !r.Stale() {
		t.Error("a dead segment is not stale")
	}
	if _, err := Open(s.Dir(), "a", ReadWrite); !errors.Is(err, ErrDead) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("opening the dead: %v", err)
	}
	n, err := Create(s.Dir(), "a", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if n.Nonce() == s.Nonce() || n.Generation() <= s.Generation() {
		t.Errorf("made anew: nonce %#x after %#x, generation %d after %d", n.Nonce(), s.Nonce(), n.Generation(), s.Generation())
	}
	if !s.Stale() || n.Stale() {
		t.Error("the old one must be stale, the new one not")
	}
}

func TestAReplacedOrOverwrittenFileIsStale(t *testing.T) {
	s := create(t, Options{})
	copyFile(t, s.Path(), s.Path()+"2", 0o600)
	if err := os.Rename(s.Path()+"2", s.Path()); err != nil {
		t.Fatal(err)
	}
	if !s.Stale() {
		t.Error("a segment under another inode is not stale")
	}
	n := open(t, s.Dir(), "a", ReadWrite)
	order.PutUint64(n.mapped[offNonce:], 1)
	if !n.Stale() {
		t.Error("a segment with another nonce is not stale")
	}
	n.Close()
	if !n.Stale() || n.Close() != nil {
		t.Error("a closed segment is not stale, or cannot be closed again")
	}
}
