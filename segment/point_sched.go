//go:build shmbus_sched

package segment

// OnPoint makes f be called at the named places between steps, before anything else uses the package.
func OnPoint(f func(name string)) { point = f }
