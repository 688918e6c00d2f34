package bus

import (
	"context"
	"iter"
)

// Send publishes v as one msgpack value: Encode with its type checked.
func Send[T any](ctx context.Context, p *Publisher, v T) error { return p.Encode(ctx, v) }

// Decode is a frame's msgpack value as a T, which does not alias the frame.
func Decode[T any](f *Frame) (T, error) {
	var v T
	err := f.Decode(&v)
	return v, err
}

// Values is an iterator over the values of a topic. Each frame is decoded and released before the loop body runs. A frame that does not
// decode is an error with which the loop may go on; an error of Receive ends it.
func Values[T any](ctx context.Context, s *Subscriber) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for f, err := range s.Frames(ctx) {
			var v T
			if err != nil {
				yield(v, err)
				return
			}
			v, err = Decode[T](f)
			f.Release()
			if !yield(v, err) {
				return
			}
		}
	}
}
