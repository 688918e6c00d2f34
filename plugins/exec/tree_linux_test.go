package exec

import (
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

func TestAPidThatIsAThreadsByNowIsLeftAlone(t *testing.T) {
	tids, end := make(chan int), make(chan struct{})
	defer close(end)
	tid := os.Getpid()
	for tid == os.Getpid() { // the first thread is the process
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			tids <- unix.Gettid()
			<-end
		}()
		tid = <-tids
	}
	killed, err := killIf(tid, func() bool { t.Error("it is looked at"); return false })
	if killed || err != nil {
		t.Errorf("%v, %v", killed, err)
	}
}
