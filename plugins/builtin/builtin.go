// Package builtin is the plugins that busd brings.
package builtin

import (
	"shmbus/plugins"
	"shmbus/plugins/filetail"
	"shmbus/plugins/hoststats"
	"shmbus/plugins/httpin"
	"shmbus/plugins/timer"
)

// All are the plugins, by the name that a manifest's builtin gives.
var All = map[string]plugins.Func{
	"filetail":  filetail.Run,
	"hoststats": hoststats.Run,
	"httpin":    httpin.Run,
	"timer":     timer.Run,
}
