//go:build !(linux && (amd64 || arm64))

package wake

// FutexWithoutWaitv does not exist here.
func FutexWithoutWaitv() (Notifier, error) { return Futex() }

// FutexInACrowd does not exist here.
func FutexInACrowd() (Notifier, error) { return Futex() }

// Crowds says whether the notifier has crowds: none has here.
func Crowds(Notifier) bool { return false }
