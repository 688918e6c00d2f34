package plugins

import (
	"fmt"
	"path/filepath"

	"shmbus/internal/unixsock"
)

// A Place is the directory in which busd and the runners keep what they have in common: STATE, by default .busd in the bus directory.
//
//	busd.lock        held by busd as long as it runs; its content is for people: "PID\n"
//	bus.lock         in PlaceOf a bus: see BusLock
//	control.sock     busd listens to 'busd plugins'
//	web.sock         busd serves the page and the metrics
//	busd.log         busd's own log
//	plugins/NAME/    one for each plugin:
//	  lock           held by the runner as long as it runs
//	  spec.json      a Spec, written by busd before it starts the runner
//	  state.json     a State, written by the runner
//	  spare          room for state.json where the file system is full
//	  n              the runner listens to the plugin's sd_notify
//	  log            the plugin's log, with log.1 before it
//	  runner.log     what the runner itself has written to its standard output and error
type Place string

// PlaceOf is the Place of a bus that is not told otherwise.
func PlaceOf(busDir string) Place { return Place(filepath.Join(busDir, ".busd")) }

// BusLock is the path of the lock that makes a busd the only one of a bus, whatever its Place is. It is in PlaceOf the bus, and its content is for people,
// as that of Place.Lock.
func BusLock(busDir string) string { return PlaceOf(busDir).in("bus.lock") }

func (p Place) in(parts ...string) string {
	return filepath.Join(append([]string{string(p)}, parts...)...)
}

// Lock is the path of busd's lock.
func (p Place) Lock() string { return p.in("busd.lock") }

// Control is the path of busd's control socket.
func (p Place) Control() string { return p.in("control.sock") }

// Web is the path of the socket with the page and the metrics.
func (p Place) Web() string { return p.in("web.sock") }

// Own is the name that stands for busd itself where logs are told apart by the plugin's name: no plugin has it.
const Own = "busd"

// LogOf is the path of the log of a plugin, or of busd's if name is Own. A name that is none of a plugin's is an error.
func (p Place) LogOf(name string) (string, error) {
	if name == Own {
		return p.Log(), nil
	}
	if err := CheckPluginName(name); err != nil {
		return "", err
	}
	return p.Plugin(name).Log(), nil
}

// Log is the path of busd's own log.
func (p Place) Log() string { return p.in("busd.log") }

// Plugins is the directory with those of the plugins.
func (p Place) Plugins() string { return p.in("plugins") }

// Plugin is the directory of a plugin, as a Nook.
func (p Place) Plugin(name string) Nook { return Nook(p.in("plugins", name)) }

// A Nook is the directory of one plugin in a Place.
type Nook string

// Lock is the path of the runner's lock.
func (n Nook) Lock() string { return filepath.Join(string(n), "lock") }

// Spec is the path of the Spec.
func (n Nook) Spec() string { return filepath.Join(string(n), "spec.json") }

// State is the path of the State.
func (n Nook) State() string { return filepath.Join(string(n), "state.json") }

// Spare is the path of what WriteState writes into where the file system is full.
func (n Nook) Spare() string { return filepath.Join(string(n), "spare") }

// Notify is the path of the socket for sd_notify. Its name is short, so that all names of plugins fit where a bus is by default.
func (n Nook) Notify() string { return filepath.Join(string(n), "n") }

// CheckNotify says that the path of the socket for sd_notify is too long.
func (n Nook) CheckNotify() error {
	if path := n.Notify(); len(path) > unixsock.MaxPath {
		return fmt.Errorf("the path of the plugin's NOTIFY_SOCKET has %d bytes and the kernel takes %d: %s; use a shorter name for the plugin, or a bus directory or a state directory with a shorter path",
			len(path), unixsock.MaxPath, path)
	}
	return nil
}

// Log is the path of the plugin's log.
func (n Nook) Log() string { return filepath.Join(string(n), "log") }

// RunnerLog is the path of what the runner itself writes: nothing, unless something is wrong with it.
func (n Nook) RunnerLog() string { return filepath.Join(string(n), "runner.log") }
