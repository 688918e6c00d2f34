// Package journal is where the logs of busd and of its runners go: a File, which is kept short, and a Stream, which holds up nobody who logs. What
// a File cannot write, or a Stream cannot take because nobody reads it, is counted, and told when that works again. What a Stream's writer itself does not
// take is gone: the File has it.
package journal

import (
	"bytes"

	"github.com/hashicorp/go-hclog"
)

// A loss is the entries that are missing.
type loss struct {
	name    string // of the logger whose entries these are
	json    bool
	entries int
	why     error
}

func (l *loss) add(why error) { l.entries, l.why = l.entries+1, why }

// entry tells of the loss, as an entry of the log.
func (l *loss) entry() []byte {
	var b bytes.Buffer
	log := hclog.New(&hclog.LoggerOptions{Name: l.name, Output: &b, JSONFormat: l.json})
	log.Warn("entries are missing here: they could not be written", "entries", l.entries, "error", l.why)
	return b.Bytes()
}
