// Package builtin is the plugins that busd brings.
package builtin

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"shmbus/plugins"
	"shmbus/plugins/filetail"
	"shmbus/plugins/hoststats"
	"shmbus/plugins/httpin"
	"shmbus/plugins/timer"
)

// A Plugin is one that busd brings.
type Plugin struct {
	Run    plugins.Func
	Config func() plugins.Checker // its config table, with the defaults
}

// All are the plugins, by the name that a manifest's builtin gives.
var All = map[string]Plugin{
	"filetail":  {filetail.Run, func() plugins.Checker { c := filetail.Defaults; return &c }},
	"hoststats": {hoststats.Run, func() plugins.Checker { c := hoststats.Defaults; return &c }},
	"httpin":    {httpin.Run, func() plugins.Checker { c := httpin.Defaults; return &c }},
	"timer":     {timer.Run, func() plugins.Checker { c := timer.Defaults; return &c }},
}

// Names are the plugins' names, sorted.
func Names() []string { return slices.Sorted(maps.Keys(All)) }

// Check says what is wrong with a manifest that names one of them: that there is none of that name, and what it would say of its config table
// itself. It runs nothing.
func Check(m *plugins.Manifest) error {
	if m.Builtin == "" {
		return nil
	}
	p, ok := All[m.Builtin]
	if !ok {
		return &plugins.KeyError{Key: "builtin", Err: fmt.Errorf("there is no builtin %.80q; there are %s", m.Builtin, strings.Join(Names(), ", "))}
	}
	return m.ReadConfig(p.Config())
}
