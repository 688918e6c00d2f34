package main

import (
	"testing"

	"shmbus/bus"
)

// aReading is a body as sensors publish it.
const aReading = `{"id":12345678901234,"name":"attic","celsius":31.5,"tags":["a","b"],"at":{"x":1.25,"y":-2,"z":0},"ok":true}`

// BenchmarkWhere is what --where costs a frame.
func BenchmarkWhere(b *testing.B) {
	packed, err := appendMsgpack(nil, []byte(aReading))
	if err != nil {
		b.Fatal(err)
	}
	for name, r := range map[string]*record{"json": {kind: bus.KindRaw, body: []byte(aReading)}, "msgpack": {kind: bus.KindMsgpack, body: packed}} {
		b.Run(name, func(b *testing.B) {
			p, err := compileJQ("--where", ".celsius > 30", b.Logf)
			if err != nil {
				b.Fatal(err)
			}
			r.values.only = lookedAt([]*program{p})
			b.ReportAllocs()
			for b.Loop() {
				r.decoded = false
				if yes, err := p.match(r); !yes || err != nil {
					b.Fatal(yes, err)
				}
			}
		})
	}
}
