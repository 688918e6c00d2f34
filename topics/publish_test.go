package topics

import "testing"

func BenchmarkPublish64(b *testing.B) {
	p := make([]byte, 64)
	benchWriters(b, func(w *Writer) error { return put(w, p, 0) })
}

func BenchmarkTake64(b *testing.B) {
	r, _ := benchRing(b, Geometry{Policy: PolicyLossless})
	w := mustWriter(b, r, 1)
	m := mustMember(b, r, "g", Newest(), 1)
	p := make([]byte, 64)
	var f Frame
	for b.Loop() {
		if err := put(w, p, 0); err != nil {
			b.Fatal(err)
		}
		if _, err := m.Take(&f, false); err != nil {
			b.Fatal(err)
		}
		m.Ack()
	}
}
