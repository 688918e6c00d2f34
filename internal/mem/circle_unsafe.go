package mem

import (
	"fmt"
	"unsafe"
)

// A Circle is a power of two of values in shared memory, each found by its index modulo their number, so that no index is out of range.
type Circle[T any] struct {
	first unsafe.Pointer
	mask  uint64
}

// NewCircle lays a Circle over v, whose length must be a power of two.
func NewCircle[T any](v []T) (Circle[T], error) {
	if n := len(v); n == 0 || n&(n-1) != 0 {
		return Circle[T]{}, fmt.Errorf("%d values, not a power of two", n)
	}
	return Circle[T]{unsafe.Pointer(&v[0]), uint64(len(v) - 1)}, nil
}

// At is the value with the given index.
func (c *Circle[T]) At(i uint64) *T {
	var z T
	return (*T)(unsafe.Add(c.first, (i&c.mask)*uint64(unsafe.Sizeof(z))))
}

// After is the value behind v, for a loop that does not go round. What is behind the last one must not be used.
func (c *Circle[T]) After(v *T) *T { return (*T)(unsafe.Add(unsafe.Pointer(v), unsafe.Sizeof(*v))) }

// Len is how many values there are.
func (c *Circle[T]) Len() int { return int(c.mask) + 1 }
