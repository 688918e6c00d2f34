// Package wake lets goroutines of several processes sleep until something in shared memory has changed.
package wake
