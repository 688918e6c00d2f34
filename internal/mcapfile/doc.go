// Package mcapfile writes MCAP files whose messages are in the file soon, however few come, and reads such files also when their writer
// was killed.
//
// The writer of github.com/foxglove/mcap/go/mcap ends a chunk when a message makes it too large, and has no other way to end one: messages
// of a slow topic would stay in memory for hours. Here a chunk also ends some time after its first message. The encoding of all records but
// the chunk itself is the library's.
//
//	magic, Header
//	Chunk [Channel, Message...]..., Message Index...    each chunk names the channels that it uses, so that it can be read alone
//	Metadata                                            anywhere between chunks
//	Data End, summary, Footer, magic                    when the file is closed
//
// A chunk and its index are handed to the system in one write, so that a killed writer leaves whole chunks and at most one that is cut
// short, at the end.
//
//	writer.go  messages into chunks
//	output.go  chunks and other records into the file
//	summary.go the end of the file
//	reader.go  files in whatever state
//	chunk.go   what is in a chunk, for the reader
package mcapfile
