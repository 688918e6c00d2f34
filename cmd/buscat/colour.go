package main

import (
	"hash/fnv"
	"os"
	"strconv"
)

// coloursWanted says whether the user's environment has nothing against colours on a terminal, see no-color.org.
func coloursWanted() bool { return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" }

// topicPrefix is what stands before the lines of several topics on a terminal: the topic, in a colour of its own if there are colours.
func topicPrefix(coloured bool) func(dst []byte, topic string) []byte {
	return func(dst []byte, topic string) []byte {
		if coloured {
			h := fnv.New32a()
			_, _ = h.Write([]byte(topic))
			dst = append(dst, "\x1b["...)
			dst = strconv.AppendUint(dst, uint64(31+h.Sum32()%6), 10) // red to cyan
			dst = append(dst, 'm')
		}
		dst = appendEscaped(dst, []byte(topic))
		if coloured {
			dst = append(dst, "\x1b[0m"...)
		}
		return append(dst, ' ')
	}
}
