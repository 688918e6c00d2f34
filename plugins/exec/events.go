package exec

// The events that a runner publishes on plugins.TopicEvents, and logs. The detail says more.
const (
	Started      = "started"       // the plugin has been started; pid is its main process
	NotStarted   = "not-started"   // it could not be started: no such file, a wrong checksum, a user without permission
	Ready        = "ready"         // it is ready: it has been started, has said its handshake, or READY=1, whichever is asked for
	NotReady     = "not-ready"     // it was not ready in time, and is ended
	Watchdog     = "watchdog"      // it has not said WATCHDOG=1 in time, or has said WATCHDOG=trigger, and is ended by SIGABRT
	Memory       = "memory"        // its processes have taken more memory than they may, and are killed
	BadHandshake = "bad-handshake" // its first line was no handshake, and it is ended
	BadFrame     = "bad-frame"     // its standard output was no frames, and it is ended
	BadOutput    = "bad-output"    // what it says cannot be published, and it is ended: the topic has its one publisher, the ring is damaged
	HalfFrame    = "half-frame"    // its standard output has ended in the middle of a frame, or of a line when it was killed; that is not published
	Exited       = "exited"        // its main process has ended; how, is in the detail
	Leftovers    = "leftovers"     // processes that its main process, or an earlier runner, has left were killed
	Backoff      = "backoff"       // it has failed, or has ended and is always restarted, and is started again after a pause
	Restarting   = "restarting"    // the pause is over
	GivenUp      = "given-up"      // it has failed too often, and is not started again
	Orphaned     = "orphaned"      // busd has died, and with orphan = "stop" the plugin is stopped for it; or the runner's lock was removed, so that no busd finds it
	Stopping     = "stopping"      // it is being stopped, because the runner was told to
	Stopped      = "stopped"       // it has ended, and is not started again
)

// failures are the events that are logged as warnings.
var failures = map[string]bool{
	NotStarted: true, NotReady: true, Watchdog: true, Memory: true, BadHandshake: true, BadFrame: true, BadOutput: true, HalfFrame: true,
	Leftovers: true, Backoff: true, GivenUp: true, Orphaned: true,
}
