package bus

import (
	"context"

	"shmbus/topics"
)

// PublishAsMsgpack publishes what a correct participant does not, as one msgpack value.
func PublishAsMsgpack(ctx context.Context, p *Publisher, b []byte) error {
	return p.publish(ctx, "publish to", b, topics.KindMsgpack, topics.ErrUntried)
}
