package main

import (
	"context"
	"errors"
	"slices"

	"shmbus/bus"
	"shmbus/topics"
)

// followAll prints the frames of several topics as they come.
func (t *tap) followAll(ctx context.Context, patterns []topics.Pattern) error {
	f := &follower{
		app: t.app, bus: t.bus, patterns: patterns, options: t.options, waits: t.waits, explain: t.refusal,
		refused: func(topic string, err error) error {
			if errors.Is(err, context.Canceled) || errors.Is(err, bus.ErrClosed) { // the tap ends
				return err
			}
			t.say("%s; it is left out", text(t.refusal(topic, err)))
			return nil
		},
		run: func(ctx context.Context, sub *bus.Subscriber) error {
			s := t.stream(sub.Topic(), sub)
			err := s.follow(ctx)
			s.close(t.closed(ctx, err))
			return t.refusal(sub.Topic(), err)
		},
	}
	err := f.follow(ctx)
	t.failed = f.left()
	return err
}

// printAll prints the frames that are there now, one topic after the other. What cannot be printed is told, and the rest printed.
func (t *tap) printAll(ctx context.Context, patterns []topics.Pattern) error {
	there, failed := topicsNow(t.bus, patterns)
	if failed != nil && len(there) == 0 {
		return failed
	}
	note := func(err error) {
		if failed != nil { // the last one is told by the caller
			t.say("%s", text(failed))
		}
		failed = err
	}
	for _, name := range there {
		err := t.printTopic(ctx, name)
		switch {
		case err == nil:
		case errors.Is(err, errEnough) && failed != nil:
			return failed
		case t.closed(ctx, err), errors.Is(err, errEnough):
			return err
		case ctx.Err() != nil, !errors.As(err, new(*topicError)):
			note(err) // it tells of one before
			return err
		default:
			note(err)
		}
	}
	for _, p := range patterns {
		if !p.Literal() && !slices.ContainsFunc(there, p.Match) {
			t.say("no topic matches %s on %s", p, t.bus.Dir())
		}
	}
	return failed
}

// A topicError is about one topic of several; there is nothing wrong with the others.
type topicError struct{ error }

func (e *topicError) Unwrap() error { return e.error }

// printTopic prints the frames of one topic that are there now.
func (t *tap) printTopic(ctx context.Context, topic string) error {
	stat, err := t.bus.Stat(topic)
	var sub *bus.Subscriber
	if err == nil {
		sub, err = t.bus.Subscribe(ctx, topic, t.options...)
	}
	if err != nil {
		return &topicError{t.refusal(topic, err)}
	}
	s := t.stream(topic, sub)
	err = s.rest(ctx, s.printTo(ctx, stat.Tail))
	if errors.Is(err, bus.ErrNoTopic) || errors.Is(err, bus.ErrCorrupt) {
		err = &topicError{t.refusal(topic, err)}
	}
	s.close(t.closed(ctx, err))
	return err
}
