// Package supervise is busd's side of the plugins: it finds them in a directory, starts a runner for each (package exec), adopts those
// that an earlier busd has started, restarts, stops, and answers the control socket.
//
// Data never passes through here, and no pipe: when busd is killed, runners and plugins go on.
//
// Reading order: supervisor.go (the API and the one goroutine that owns all), entry.go (what becomes of one plugin), start.go (starting,
// adopting and stopping a runner), scan.go (what is in the directory), trust.go (whose files are run), watch.go (when to look), control.go
// and client.go (the control socket), sys_*.go (what only Linux has).
package supervise
