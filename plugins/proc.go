package plugins

import (
	"fmt"
	"os"
	"strconv"
)

// CheckProc says that /proc is not the one of this process's pid namespace: then what it says of a pid is about another process, which would be taken for
// a plugin's, and killed.
func CheckProc() error {
	self, err := os.Readlink("/proc/self")
	if err == nil && self != strconv.Itoa(os.Getpid()) {
		err = fmt.Errorf("this is process %d, and process %s there", os.Getpid(), self)
	}
	if err != nil {
		return fmt.Errorf("/proc is not that of this pid namespace (%w): mount it, with 'mount -t proc proc /proc' or 'unshare --mount-proc'", err)
	}
	return nil
}
