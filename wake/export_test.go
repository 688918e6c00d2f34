package wake

// Set stores any value into a bell, as a broken or hostile process may.
func (b *Bell) Set(v uint32) { b.word.Store(v) }

// Budget is how long the waiter would spin now.
func (w *Waiter) Budget() int64 { return int64(w.spin.budget) }
