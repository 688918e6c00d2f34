//go:build !amd64

package cpu

// OwnsLate says of some CPUs that stores wait for each other; see vendor_amd64.go.
const OwnsLate = false
