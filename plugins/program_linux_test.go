package plugins

import (
	"os"
	"strings"
	"testing"
)

func TestAUserThatIsNotThereIsRefused(t *testing.T) {
	for _, name := range []string{"99999999999", "4294967294", "-1", "no-such-user"} {
		if _, err := RunAs(name); err == nil || !strings.Contains(err.Error(), "user: ") || !strings.Contains(err.Error(), "there is no user") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if u, err := RunAs(""); u != nil || err != nil {
		t.Error(u, err)
	}
	if _, err := RunAs("0"); (err == nil) != (os.Geteuid() == 0) {
		t.Error(err)
	}
}
