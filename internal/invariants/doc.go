// Package invariants has checks that are compiled in with the build tag "invariants" and cost nothing otherwise.
package invariants
