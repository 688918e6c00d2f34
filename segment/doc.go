// Package segment owns the files of a bus directory: how they are made, opened, checked, mapped, grown, locked and removed. What
// the topic table, the bells and the regions contain is not its business.
//
// A directory holds one lock, bus.lock, and three files for each segment: NAME.seg has the data, NAME.bell the words that sleepers
// sleep on, NAME.lease the locks that prove participants alive. The three have a random nonce in common. They are separate
// because those who may only read have different rights to each.
//
// Everything in the files is taken for hostile: it is loaded once, checked, and then used. The first page is read, not mapped, so
// that a file of any kind and length gives an error, not a fault.
//
//	layout.go                        every offset and size, with pictures
//	header.go                        the headers of the three files: written, read, checked
//	errors.go, options.go, names.go  what their names say
//	dir.go, dirlock.go               the directory and its lock, and that of a topic table
//	create.go, remove.go             Create and Remove
//	leftover.go                      files that belong to no segment
//	open.go, segment.go              Open and the open segment
//	grow.go                          regions: Grow, Map, Punch
//	mapping.go                       a mapped region
//	window.go                        all regions, for looking at
//	fault.go                         what a memory fault means: the file was cut short
//	mend_unsafe.go, mend_other.go    zeros where memory is gone, for accesses that cannot look out for it
//	participant.go, alive.go         slots, leases, and who lives
//	deaths.go, deaths_linux.go, deaths_other.go
//	                                 hints that somebody has died
//	point_sched.go                   where a crash is tried out, with the tag shmbus_sched
//	sys.go                           what the platform has to give
//	sys_linux.go, lock_linux.go, space_linux.go, huge_linux.go, map_unsafe.go
//	                                 Linux: files, locks, space, huge pages, memory
//	sys_other.go                     elsewhere: an errors.ErrUnsupported
package segment
