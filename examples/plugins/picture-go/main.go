// Picture-go is a plugin in Go, with contract bus: it opens the bus itself, and draws each picture where its subscribers read it.
package main

import (
	"context"
	"fmt"
	"time"

	"shmbus/plugins"
)

func main() { plugins.Serve(run) }

type config struct {
	Width  int              `json:"width"` // pixels
	Height int              `json:"height"`
	Every  plugins.Duration `json:"every"`
}

func run(ctx context.Context, p *plugins.Plugin) error {
	c := config{Width: 640, Height: 480, Every: plugins.Duration(40 * time.Millisecond)}
	if err := p.Config(&c); err != nil {
		return err
	}
	pub, err := p.Publisher("") // the manifest's topic
	if err != nil {
		return err
	}
	size := c.Width * c.Height
	if c.Width < 1 || c.Height < 1 || size > pub.MaxFrame() {
		return fmt.Errorf("config: %d x %d pixels, and a frame has at most %d bytes", c.Width, c.Height, pub.MaxFrame())
	}
	p.Log.Info("drawing", "width", c.Width, "height", c.Height)
	p.Ready()
	tick := time.NewTicker(time.Duration(c.Every))
	defer tick.Stop()
	for n := 0; ; n++ {
		loan, err := pub.Loan(ctx, size) // memory of the ring
		if err != nil {
			return err
		}
		draw(loan.Bytes(), c.Width, n)
		if err := loan.Commit(); err != nil {
			return err
		}
		p.Alive()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// draw draws stripes that move, one byte a pixel.
func draw(b []byte, width, n int) {
	for i := range b {
		b[i] = byte(i%width + i/width + n)
	}
}
