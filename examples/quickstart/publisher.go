package main

import (
	"context"
	"fmt"
	"time"

	"shmbus/bus"
)

// Reading is a value that travels as msgpack.
type Reading struct {
	Sensor  string  `msgpack:"sensor"`
	Celsius float64 `msgpack:"celsius"`
}

// publish sends frames at a steady pace, by turns a msgpack value and raw bytes.
func publish(ctx context.Context, o options) error {
	b, err := bus.Open(o.dir)
	if err != nil {
		return err
	}
	defer b.Close()

	// Lossless: this publisher waits for lossless subscribers that fall behind. The default is to overwrite and wait for nobody.
	p, err := b.Publisher(topic, bus.WithTopic(bus.TopicOptions{Policy: bus.PolicyLossless}))
	if err != nil {
		return err
	}
	defer p.Close()

	tick := time.NewTicker(o.every)
	defer tick.Stop()
	for i := range o.frames {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if i%2 == 0 {
			err = p.Encode(ctx, Reading{Sensor: "boiler", Celsius: 60 + float64(i%77)/10})
		} else {
			err = p.Publish(ctx, fmt.Appendf(nil, "line %d", i))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
