// Package plugins is the contract between busd and publisher plugins: the manifest, the handshake, the environment, what is told by
// sd_notify, and the SDK for plugins in Go. docs/PLUGINS.md describes all of it for plugins in any language.
//
// A plugin is a process. It is run by a runner, a small process of its own (package exec), which owns its pipes, publishes for it
// where it does not do so itself, restarts it and keeps its log. busd (package supervise) starts a runner for each plugin and can be
// killed meanwhile: runners go on, and the next busd adopts them.
//
// Reading order: manifest.go (what a plugin is), check.go, position.go and table.go (what is right in it), contract.go (environment and handshake), wire.go (frames on standard output), notify.go
// (sd_notify), place.go and state.go (files a runner and busd have in common), serve.go, plugin.go and
// pluginconfig.go (the SDK).
package plugins
