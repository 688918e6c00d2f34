package segment

// WatchDeaths calls f soon after a lease file in dir was closed: because a participant's process ended, however it did, or because it closed
// its handle. It works for processes of other containers and PID namespaces as well. f is called on a goroutine that serves all watches
// of this process, so it must be quick. It is a hint: the lock on a lease is let go of just after the event, so whoever is told looks
// at once and again a little later; and events can be lost. An error says that there will be no hints: look now and then.
//
// stop ends the watch; f may still be running when it returns. The watch is on the directory as it is now: when it is removed and made
// again, it has to be watched again.
func WatchDeaths(dir string, f func()) (stop func(), err error) { return watchDeaths(dir, f) }
