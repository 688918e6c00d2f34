//go:build !shmbus_sched

package mem

// A Plain is a 64-bit word that is stored before, and loaded after, an atomic word that publishes it. Alone it orders nothing.
// Loads and stores are whole (never half of one value and half of another): 64-bit words on 64-bit machines are.
type Plain struct{ v uint64 }

// PlainOf is a Plain of one's own that holds x.
func PlainOf(x uint64) Plain { return Plain{x} }

// Get loads the word.
func (p *Plain) Get() uint64 { return p.v }

// Set stores the word.
func (p *Plain) Set(x uint64) { p.v = x }

// Read copies what src has, which consists of Plains only.
func Read[T any](dst, src *T) { *dst = *src }
