//go:build unix

package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"shmbus/bus"
)

// waitingForSeveral starts a tap of a name and a pattern, and waits until it waits for both. Its output is the pipe that is returned.
func waitingForSeveral(t *testing.T, b *bus.Bus, args ...string) (*process, *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	c := command(t, b.Dir(), append(args, "named", "some/*")...)
	c.Stdout = w
	c.start()
	_ = w.Close()
	c.says(`waiting for topic "named"`)
	c.says("waiting for topics that match some/*")
	return c, r
}

func publish(t *testing.T, p *bus.Publisher, line string) {
	t.Helper()
	if err := p.Publish(t.Context(), []byte(line)); err != nil {
		t.Fatal(err)
	}
}

func TestAClosedPipeEndsATapThatWaitsForSeveralTopics(t *testing.T) {
	b := openBus(t)
	c, r := waitingForSeveral(t, b)
	_ = r.Close()
	c.ends(0)

	// Also when they are there, and frames have come.
	c, r = waitingForSeveral(t, b)
	lines := bufio.NewReader(r)
	publish(t, publisher(t, b, "some/1", bus.TopicOptions{}), "one")
	readLine(t, r, lines, "one")
	publish(t, publisher(t, b, "named", bus.TopicOptions{}), "two")
	readLine(t, r, lines, "two")
	said := c.err.String()
	_ = r.Close()
	c.ends(0)
	if s := c.err.String(); s != said {
		t.Errorf("standard error: %s", s)
	}
}

func TestASignalEndsATapOfSeveralTopics(t *testing.T) {
	b := openBus(t)
	c, r := waitingForSeveral(t, b)
	lines := bufio.NewReader(r)
	publish(t, publisher(t, b, "some/1", bus.TopicOptions{}), "one")
	readLine(t, r, lines, "one")
	said := c.err.String()
	_ = c.Process.Signal(os.Interrupt)
	c.ends(130)
	if s := c.err.String(); s != said {
		t.Errorf("standard error: %s", s)
	}
}

// TestFramesOfManyTopicsArriveAtOnce: topics that come one after the other, each frame seen before the next is sent.
func TestFramesOfManyTopicsArriveAtOnce(t *testing.T) {
	b := openBus(t)
	c, r := waitingForSeveral(t, b, "--format", `%t %b\n`, "-n", "60")
	lines := bufio.NewReader(r)
	var all []*bus.Publisher
	for i := range 20 {
		p := publisher(t, b, fmt.Sprint("some/", i), bus.TopicOptions{})
		all = append(all, p)
		publish(t, p, "first")
		readLine(t, r, lines, p.Topic()+" first")
	}
	for range 2 {
		for _, p := range all {
			publish(t, p, "more")
			readLine(t, r, lines, p.Topic()+" more")
		}
	}
	c.ends(0)
}

// TestLossIsCountedForEachTopic: a tap whose output nobody reads loses frames and slows nobody; afterwards each topic's lines and losses
// are together what was sent.
func TestLossIsCountedForEachTopic(t *testing.T) {
	b := openBus(t)
	c, r := waitingForSeveral(t, b, "--format", `%t %b\n`)
	const n = 100000
	for _, topic := range []string{"some/a", "some/b"} {
		p := publisher(t, b, topic, bus.TopicOptions{Slots: 64})
		for i := range n {
			if err := p.Publish(context.Background(), strconv.AppendInt(nil, int64(i), 10)); err != nil {
				t.Fatal(err)
			}
		}
	}
	lines, got := bufio.NewReader(r), map[string]int{}
	for seen := 0; seen < 2; {
		line := readLine(t, r, lines, "")
		topic, number, _ := strings.Cut(line, " ")
		got[topic]++
		if number == fmt.Sprint(n-1) {
			seen++
		}
	}
	_ = c.Process.Signal(os.Interrupt)
	c.ends(130)
	for _, topic := range []string{"some/a", "some/b"} {
		lost := 0
		if _, after, ok := strings.Cut(c.err.String(), fmt.Sprintf("of topic %q lost in all", topic)); !ok {
			t.Errorf("%s: nothing was lost: %s", topic, after)
		}
		for line := range strings.Lines(c.err.String()) {
			if strings.HasSuffix(line, fmt.Sprintf("of topic %q lost in all\n", topic)) {
				_, _ = fmt.Sscanf(line, "buscat: %d frame", &lost)
			}
		}
		if got[topic]+lost != n {
			t.Errorf("%s: %d lines and %d lost are not %d; standard error: %s", topic, got[topic], lost, n, c.err.String())
		}
	}
}

// On a terminal the lines of several topics have their topic before them, in colour unless NO_COLOR is set.
func TestLinesOfSeveralTopicsOnATerminalHaveTheirTopic(t *testing.T) {
	b := openBus(t)
	for _, topic := range []string{"a", "b"} {
		publish(t, publisher(t, b, topic, bus.TopicOptions{}), "line\x1b")
	}
	for _, test := range []struct {
		env  []string
		args []string
		want [2]string
	}{
		{[]string{"TERM=xterm", "NO_COLOR="}, []string{"*"}, [2]string{"\x1b[35ma\x1b[0m line\\x1b", "\x1b[32mb\x1b[0m line\\x1b"}},
		{[]string{"TERM=xterm", "NO_COLOR=1"}, []string{"a", "b"}, [2]string{"a line\\x1b", "b line\\x1b"}},
		{[]string{"TERM=dumb", "NO_COLOR="}, []string{"*"}, [2]string{"a line\\x1b", "b line\\x1b"}},
		{[]string{"TERM=xterm", "NO_COLOR="}, []string{"*", "--jq", "1", "--where", "true"}, [2]string{}},
		{[]string{"TERM=xterm", "NO_COLOR="}, []string{"*", "--format", `%t %b\n`}, [2]string{"a line\\x1b", "b line\\x1b"}},
	} {
		master, slave := openTerminal(t)
		c := command(t, b.Dir(), append(test.args, "--exit")...)
		c.Env = append(os.Environ(), test.env...)
		c.Stdout = slave
		c.start()
		c.ends(0)
		if _, err := slave.WriteString("end\n"); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(master)
		for _, want := range append(test.want[:], "end") {
			if want == "" {
				continue
			}
			got, err := lines.ReadString('\n')
			if err != nil || strings.TrimRight(got, "\r\n") != want {
				t.Errorf("%v %v: %q, %v; want %q", test.env, test.args, got, err, want)
			}
		}
	}
}
