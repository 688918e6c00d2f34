package mem

// A Fence keeps the loads before it from sinking below the loads after it. It is private to one goroutine.
type Fence struct{}

// LoadLoad does nothing: amd64 never lets a load pass an earlier one.
func (*Fence) LoadLoad() {}
