// Package bus is publish and subscribe between the processes of one machine, over shared memory.
//
// A bus is a directory; topics live in registry segments, files in it that processes map. There is no server: publishers write frames
// into the topic's ring in place, subscribers read them there.
//
//	b, err := bus.Open("")                      // the user's bus, in /dev/shm
//	p, err := b.Publisher("sensors/imu/0")      // makes the topic
//	s, err := b.Subscribe(ctx, "sensors/imu/0") // in any process: to what is published from now on
//
//	err = p.Publish(ctx, []byte("hello"))
//	f, err := s.Receive(ctx)
//	fmt.Printf("%s\n", f.Bytes())
//	f.Release()
//
// A Bus is for any number of goroutines at once, a Publisher or a Subscriber for one at a time. Any goroutine may close any of them at any time:
// what waits in another returns ErrClosed.
//
// Reading order: options.go, bus.go (Bus), attachment.go (open segments), topic.go, remove.go (make, remove), port.go (a topic as one handle has it
// open), taking.go (a second mapping of it), door.go (closing it elsewhere), fault.go (memory that is gone), recover.go (what the dead held), publisher.go, room.go (waiting for room),
// earlywake.go (waking before a large frame is there), loan.go, encode.go, msgpack.go (a stranger's payload),
// subscriber.go, frames.go, batch.go, read.go, standback.go, shelf.go, attach.go (coming to a topic and leaving it), frame.go, count.go (loss), waitset.go, typed.go, watch.go and
// discover.go (discovery), ephemeral.go, death.go (who dies), segments.go (going through all), doctor*.go, reap.go, participants.go,
// prune.go, stat.go, survey.go, errors.go.
package bus
