package main

import (
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
)

// after runs a command and hands what it brings to the program, and returns what is to be done next.
func after(t *testing.T, p *topProgram, cmd tea.Cmd) (msg tea.Msg, next tea.Cmd) {
	t.Helper()
	if cmd == nil {
		t.Fatal("there is nothing to be done")
	}
	msg = cmd()
	_, next = p.Update(msg)
	return msg, next
}

func TestTopLooksInLoopsThatEndWithAPause(t *testing.T) {
	b := openBus(t)
	p, err := b.Publisher("a")
	if err != nil {
		t.Fatal(err)
	}
	top := &topProgram{ctx: t.Context(), bus: b, every: time.Millisecond, model: &topModel{dir: b.Dir()}}
	top.Update(tea.WindowSizeMsg{Width: 80, Height: 24})
	key := func(k rune) tea.Cmd {
		text := string(k)
		if k == tea.KeyEnter || k == tea.KeyEscape {
			text = ""
		}
		_, cmd := top.Update(tea.KeyPressMsg{Code: k, Text: text})
		return cmd
	}

	// Look, tick, look: the rate is known then.
	_, tick := after(t, top, top.Init())
	if err := p.Publish(t.Context(), []byte("frame")); err != nil {
		t.Fatal(err)
	}
	_, look := after(t, top, tick)
	msg, tick := after(t, top, look)
	if row := top.model.seen["a"]; row.frames <= 0 {
		t.Errorf("after %+v the rate is %v", msg, row.frames)
	}

	// The open topic has a loop of its own.
	_, topicTick := after(t, top, key(tea.KeyEnter))
	if len(top.model.detail.frames) != 1 {
		t.Errorf("%d frames are seen", len(top.model.detail.frames))
	}
	oldTopicTick, topicLook := after(t, top, topicTick)

	// A pause ends both, and what comes late is not taken.
	key('p')
	oldTick, next := after(t, top, tick)
	if next != nil {
		t.Error("a pause does not end the looks at the bus")
	}
	if err := p.Publish(t.Context(), []byte("frame")); err != nil {
		t.Fatal(err)
	}
	if _, next := after(t, top, topicLook); next != nil || len(top.model.detail.frames) != 1 {
		t.Error("a pause does not end the looks at the topic")
	}

	// Then both begin anew, and a tick from before begins no second one.
	cmds, ok := key('p')().(tea.BatchMsg)
	if !ok || len(cmds) != 2 {
		t.Fatalf("after the pause: %v", cmds)
	}
	if _, next := top.Update(oldTick); next != nil {
		t.Error("two loops look at the bus")
	}
	if _, next := top.Update(oldTopicTick); next != nil {
		t.Error("two loops look at the topic")
	}
	for _, cmd := range cmds {
		if _, next := after(t, top, cmd); next == nil {
			t.Error("a loop does not begin again")
		}
	}
	if len(top.model.detail.frames) != 2 {
		t.Errorf("%d frames are seen after the pause", len(top.model.detail.frames))
	}

	// After ctrl-z it looks at once, in new loops, and draws all anew; unless it makes a pause.
	_, oldLoop := top.Update(topBus{loop: top.busLoop})
	_, cmd := top.Update(topResumed{})
	cmds, ok = cmd().(tea.BatchMsg)
	if !ok || len(cmds) != 2 || cmds[0]() != tea.ClearScreen() {
		t.Fatalf("after ctrl-z: %v", cmds)
	}
	if cmds, ok = cmds[1]().(tea.BatchMsg); !ok || len(cmds) != 2 {
		t.Fatalf("after ctrl-z: %v", cmds)
	}
	if _, next := top.Update(oldLoop()); next != nil {
		t.Error("two loops look at the bus after ctrl-z")
	}
	key('p')
	if _, cmd := top.Update(topResumed{}); cmd == nil || cmd() != tea.ClearScreen() {
		t.Error("after ctrl-z in a pause it is not drawn anew")
	}
	key('p')

	// A topic that is closed is not looked at any more; q ends the program.
	late := top.lookAtTopic()
	key(tea.KeyEscape)
	if _, next := after(t, top, late); next != nil || top.model.open != "" {
		t.Error("a closed topic is looked at")
	}
	if cmd := key('q'); cmd == nil || cmd() != (tea.QuitMsg{}) {
		t.Error("q does not end the program")
	}
}
