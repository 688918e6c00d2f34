package main

import (
	"bufio"
	"encoding/binary"
	"io"
)

// frameFile writes data in frames of many sizes, each after its length, and says how many they were.
func frameFile(w io.Writer, data []byte, count chan<- int) error {
	out := bufio.NewWriterSize(w, 256<<10)
	n := 0
	for size := 1; len(data) > 0; n++ {
		size = size*7%200003 + 1
		part := data[:min(size, len(data))]
		data = data[len(part):]
		if _, err := out.Write(binary.BigEndian.AppendUint32(nil, uint32(len(part)))); err != nil {
			return err
		}
		if _, err := out.Write(part); err != nil {
			return err
		}
	}
	count <- n
	return out.Flush()
}

// unframe reads what frameFile wrote until size bytes of data are together.
func unframe(r io.Reader, size int) (data []byte, count int, err error) {
	in := bufio.NewReaderSize(r, 256<<10)
	data = make([]byte, 0, size)
	for len(data) < size {
		var head [4]byte
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return data, count, err
		}
		n := int(binary.BigEndian.Uint32(head[:]))
		if n > size-len(data) {
			return data, count, io.ErrShortBuffer
		}
		part := data[len(data) : len(data)+n]
		if _, err := io.ReadFull(in, part); err != nil {
			return data, count, err
		}
		data = data[:len(data)+n]
		count++
	}
	return data, count, nil
}
