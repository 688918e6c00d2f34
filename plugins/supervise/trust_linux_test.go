package supervise

import (
	"errors"
	"os"
	"strings"
	"testing"
)

func TestAUserThatIsNotThereIsRefused(t *testing.T) {
	for _, name := range []string{"99999999999", "4294967294", "-1", "no-such-user"} {
		if err := mayRunAs(name); err == nil || !strings.Contains(err.Error(), "user: ") || !strings.Contains(err.Error(), "there is no user") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := errors.Join(mayRunAs(""), mayRunAs("0")); (err == nil) != (os.Geteuid() == 0) {
		t.Error(err)
	}
}
