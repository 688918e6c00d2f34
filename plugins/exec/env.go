package exec

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"shmbus/plugins"
)

// environment is what a plugin gets: what the runner has, without what is for the runner itself, then the user's, the manifest's, and the
// contract's, of which none can be overridden.
func environment(inherited []string, spec *plugins.Spec, user map[string]string) []string {
	all := make(map[string]string)
	for _, kv := range inherited {
		k, v, ok := strings.Cut(kv, "=")
		if ok && !strings.HasPrefix(k, "SHMBUS_") && !strings.HasPrefix(k, "NOTIFY_") && !strings.HasPrefix(k, "WATCHDOG_") {
			all[k] = v
		}
	}
	maps.Copy(all, user)
	maps.Copy(all, spec.Env)
	all[plugins.EnvBus] = spec.Bus
	all[plugins.EnvName] = spec.Name
	all[plugins.EnvCookie] = plugins.Cookie
	all[plugins.EnvVersions] = fmt.Sprint(plugins.Version)
	all[plugins.EnvNotify] = spec.Place.Plugin(spec.Name).Notify()
	var topics []string
	for _, t := range spec.Topics {
		topics = append(topics, t.Name)
	}
	all[plugins.EnvTopics] = strings.Join(topics, "\n")
	shapes, _ := json.Marshal(append([]plugins.Topic{}, spec.Topics...)) // as below; a list also when it is empty
	all[plugins.EnvShapes] = string(shapes)
	config := spec.Config
	if config == nil {
		config = plugins.Table{}
	}
	b, _ := json.Marshal(config) // it has come from JSON
	all[plugins.EnvConfig] = string(b)
	delete(all, plugins.EnvWatchdog)
	if w := time.Duration(spec.Watchdog); w > 0 {
		all[plugins.EnvWatchdog] = fmt.Sprint(w.Microseconds())
	}
	var env []string
	for _, k := range slices.Sorted(maps.Keys(all)) {
		env = append(env, k+"="+all[k])
	}
	return env
}
