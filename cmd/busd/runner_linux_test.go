package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"shmbus/internal/filelock"
	"shmbus/plugins"
)

// runnerProcess stands for 'busd runner' UNTIL THE MERGE, when it becomes start().
func runnerProcess() int {
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	var spec plugins.Spec
	err := plugins.ReadJSON(os.Args[2], &spec)
	if err == nil {
		_, err = filelock.Try(spec.Place.Plugin(spec.Name).Lock()) // held until the end of the process
	}
	st := plugins.State{Name: spec.Name, Hash: spec.Hash, Runner: now(os.Getpid()), Phase: plugins.Running, Since: time.Now(), Contract: spec.Contract}
	tell := func(ph plugins.Phase) {
		st.Phase = ph
		if err == nil {
			err = plugins.WriteJSON(spec.Place.Plugin(spec.Name).State(), st)
		}
	}
	tell(plugins.Running)
	if err == nil {
		<-term
	}
	tell(plugins.Stopped)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
