//go:build shmbus_sched

package wake

import "shmbus/internal/mem"

// With the tag shmbus_sched a look needs a fence, every CPU can be fenced, and the first calm ring sets bit 31.
const (
	firstSilence = noSilence
	calmRings    = 1
)

func canBeFenced() bool { return true }

// fenceAll is not inlined, so that HookFence finds out who called it.
//
//go:noinline
func fenceAll() {
	if mem.HookFence != nil {
		mem.HookFence(true)
	}
}

// State is what a Ringer keeps between rings, for who has to know whether two states are one.
func (r *Ringer) State() uint64 { return uint64(r.silence)<<32 | uint64(r.calm) }
