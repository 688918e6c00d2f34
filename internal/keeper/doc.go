// Package keeper is busd's housekeeping beside plugins: it looks at the bus, tells what it sees on $bus/stats, takes back what the dead have
// left, makes declared topics, and, if it is told to, kills publishers that are stuck within a frame. No frame passes through it.
//
//	keeper.go   Keeper: its loop, the sweeping
//	declare.go  topics that are to be there
//	stats.go    what is published on $bus/stats
//	calm.go     a bus on which nothing happens is looked at less often
//	stuck.go    who holds others up, and since when
//	kill_*.go   ending a process that was looked at twice, through a pidfd
//	sampler.go  looking at the bus, for $bus/stats, the page and the metrics together
//	usage*.go   what processes use
package keeper
