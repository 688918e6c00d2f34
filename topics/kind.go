package topics

// Kind says how a frame's bytes are encoded.
type Kind uint8

const (
	KindRaw     Kind = iota // bytes as the publisher gave them
	KindMsgpack             // one msgpack value
)

// String is "raw" or "msgpack".
func (k Kind) String() string {
	switch k {
	case KindRaw:
		return "raw"
	case KindMsgpack:
		return "msgpack"
	}
	return "unknown"
}
