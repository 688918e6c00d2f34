// Package exec is the runner: the process that one plugin runs under. It starts the plugin in a process group of its own, publishes for it,
// keeps its log, hears its sd_notify, restarts it, and ends all of its processes, also those that have left their group and session: the
// runner adopts them. It needs no busd to go on. It is for Linux.
//
// The runner's files are those of a plugins.Nook. It holds the lock of the Nook as long as it lives. What it notes in state.json is at
// most half a second old; phases are noted at once, also where the file system is full: busd has kept room for it, the spare.
//
// When the runner is killed, the kernel kills the plugin's main process. What else there is of the plugin is ended by the next runner, which
// knows it by its environment: NOTIFY_SOCKET is of this plugin only.
//
// # What is said on $bus/events
//
// The constants of this package are all of a runner's events, each with what it means: started, not-started, ready, not-ready, watchdog,
// memory, bad-handshake, bad-frame, bad-output, half-frame, exited, leftovers, backoff, restarting, given-up, orphaned, stopping, stopped.
// They are in the plugin's log as well.
//
// # What is run
//
// A program without a '/' is looked up in the PATH of the runner, which busd has started with its own; a relative path is relative to dir.
// Standard input is /dev/null. Of the runner's environment the plugin gets what does not begin with SHMBUS_, NOTIFY_ or WATCHDOG_; then come
// USER, LOGNAME and HOME if there is a user, what the manifest has, and what the contract has, which nothing overrides.
//
// What is left of a plugin when its main process has ended is ended too: a plugin must not become a daemon. A process that leaves the
// plugin's group, and from then on forks quicker than it can be found, can be ended only where there are control groups.
//
// # Logs
//
// A line of standard error is one entry of the log; JSON lines of hclog and slog have their level, their fields, and their time in the field
// timestamp; all others are information. A line longer than 16 KiB is several entries, of which all but the first have the field continued.
// A plugin that writes more than some 2000 lines a second has to wait, and nothing else waits for it. The file is at most 8 MiB long, and has
// one before it.
//
// # Limits
//
// limits.nice is inherited by the plugin from the thread that starts it. limits.files is set when the program has just begun.
//
// limits.memory is kept to by the kernel where the plugin has a control group of its own, which is so where one was delegated, as for a
// systemd unit with Delegate=memory and DelegateSubgroup=busd. Otherwise memory is looked at four times a second, over all of the plugin's
// processes together; new ones are found once a second, or less often where there are very many processes. What counts is the pages that
// are there, and once those are more than the limit, each process's share of them (PSS), which includes the pages of rings that it has open.
// A plugin over its limit is killed. Between two looks it can take more than the limit.
//
// # Checksums
//
// With sha256 the file that was checked is the one that is run, as /proc/self/fd/3, which is also what a script finds in $0.
//
// Reading order: run_linux.go (Run, restarts), policy.go, life_linux.go (one run of the plugin), begin_linux.go (its start, its pipes),
// start_linux.go, env.go, user_linux.go, output.go (contracts), lines.go, sink.go, log.go (its log), logline.go, pace.go,
// notify_linux.go, memory_linux.go, cgroup_linux.go, leftover_linux.go and tree_linux.go (ending all of its processes), board.go (state.json), events.go.
package exec
