//go:build !unix

package main

import tea "charm.land/bubbletea/v2"

// suspend does nothing: no process can be stopped here and go on.
func suspend() tea.Cmd { return nil }
