//go:build !linux

package segment

import (
	"errors"
	"testing"
)

// TestWithoutABackendNothingIsListed: neither "no such directory" nor an empty list, which would say that there could be something.
func TestWithoutABackendNothingIsListed(t *testing.T) {
	if _, err := List(t.TempDir() + "/missing"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got error %v, want one that is %q", err, errors.ErrUnsupported)
	}
}
