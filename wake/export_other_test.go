//go:build !(linux && (amd64 || arm64))

package wake

// FutexWithoutWaitv does not exist here.
func FutexWithoutWaitv() (Notifier, error) { return Futex() }
