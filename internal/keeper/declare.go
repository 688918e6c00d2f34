package keeper

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/go-hclog"

	"shmbus/bus"
	"shmbus/plugins"
	"shmbus/topics"
)

// ErrDiffers is wrapped by the errors of Declare about topics that were there before, in another shape.
var ErrDiffers = errors.New("the topic was there before, and stays as it is")

// Declare makes the topics that are not there. One that is there stays as it is: if its shape is another one than declared, that is told by
// an event and by an error. All are tried. It may be called at any time, also while Run runs, which makes those of the last call again when the
// files of the bus were removed.
func (k *Keeper) Declare(declared []plugins.Topic) error {
	k.mu.Lock()
	k.declared = declared
	k.mu.Unlock()
	return k.declareAll(declared)
}

// redeclare makes the declared topics again if a segment of the last sample is another one than that of its name before: somebody has removed its
// files, and the topics with them. A topic that was removed by itself stays so.
func (k *Keeper) redeclare() error {
	anew := false
	for _, s := range k.stats.sample.Segments {
		had := k.nonces[s.Name]
		anew = anew || had != 0 && had != s.Nonce
		k.nonces[s.Name] = s.Nonce
	}
	if !anew {
		return nil
	}
	k.mu.Lock()
	declared := k.declared
	k.mu.Unlock()
	k.log.Info("the files of the bus were removed and made anew; so are the declared topics", "topics", len(declared))
	return k.declareAll(declared)
}

func (k *Keeper) declareAll(declared []plugins.Topic) error {
	var bad []error
	for _, t := range declared {
		err := k.declare(t)
		if errors.Is(err, ErrDiffers) {
			k.event(hclog.Warn, plugins.Event{Event: "differs", Detail: err.Error()})
		}
		bad = append(bad, err)
	}
	return errors.Join(bad...)
}

func (k *Keeper) declare(t plugins.Topic) error {
	o, err := t.Options()
	if err != nil {
		return fmt.Errorf("declared topic %q: %w", t.Name, err)
	}
	if err := k.bus.CreateTopic(t.Name, o); err != nil && !errors.Is(err, bus.ErrPolicy) {
		return fmt.Errorf("declared %w", err)
	}
	is, err := k.bus.Stat(t.Name)
	if err != nil {
		return fmt.Errorf("declared %w", err)
	}
	if d := differences(is.TopicInfo, o); d != "" {
		return fmt.Errorf("topic %q is not as declared: %s: %w; remove it with 'buscat rm' to have it made anew", t.Name, d, ErrDiffers)
	}
	return nil
}

// differences is how a topic is not as it was declared. Numbers that were not declared may be any.
func differences(is bus.TopicInfo, o bus.TopicOptions) string {
	want, err := topics.Geometry{
		Slots: o.Slots, CellSize: o.CellSize, Policy: o.Policy, Exclusive: o.Exclusive, NoTime: o.NoTime,
		Publishers: o.MaxPublishers, Subscriptions: o.MaxSubscribers,
	}.Normal()
	if err != nil {
		return err.Error()
	}
	var all []string
	differ := func(what string, is, want any) { all = append(all, fmt.Sprintf("%s %v, not %v", what, is, want)) }
	for _, n := range []struct {
		what     string
		declared int
		is, want int
	}{
		{"slots", o.Slots, is.Slots, want.Slots},
		{"cell", o.CellSize, is.CellSize, want.CellSize},
		{"publishers", o.MaxPublishers, is.MaxPublishers, want.Publishers},
		{"subscribers", o.MaxSubscribers, is.MaxSubscribers, want.Subscriptions},
	} {
		if n.declared != 0 && n.is != n.want {
			differ(n.what, n.is, n.want)
		}
	}
	if is.Policy != o.Policy {
		differ("policy", is.Policy, o.Policy)
	}
	for _, f := range []struct {
		what     string
		is, want bool
	}{{"exclusive", is.Exclusive, o.Exclusive}, {"no-time", is.NoTime, o.NoTime}, {"ephemeral", is.Ephemeral, o.Ephemeral}} {
		if f.is != f.want {
			differ(f.what, f.is, f.want)
		}
	}
	return strings.Join(all, ", ")
}
