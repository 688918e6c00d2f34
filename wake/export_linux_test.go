//go:build linux && (amd64 || arm64)

package wake

// FutexWithoutWaitv is the backend as it is on a kernel before 5.16.
func FutexWithoutWaitv() (Notifier, error) {
	if _, err := Futex(); err != nil {
		return nil, err
	}
	return &futex{}, nil
}
