// Package peers is the processes of the benchmark that are written in Go: what they are told, what they answer, and how each of the
// peers is used. The processes in C and C++ (package native) speak the same protocol.
//
// A process is one publisher or one subscriber. It connects, and says so:
//
//	{"ready":true}
//
// Then it is told "go N" on its standard input, moves its part of N messages, and answers with a report, as often as it is asked to.
// When its standard input ends, so does it.
//
// A message begins and ends with a word that has the publisher's number and its count of messages; zeros are between them. The
// subscriber adds up all of it. That is the same for all, shmbus among them.
//
//	serve.go    the life of a process, its part in a measurement
//	options.go  what it is told when it starts
//	clock.go    what it measures with
//	message.go  what is in a message
//	pair.go     names of the pairs of a publisher and a subscriber, for peers that know only pairs
//	sockets.go, pipes.go, mangos.go, nats.go, redis.go, shmipc.go, memory.go  the peers
package peers
