package dash

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"shmbus/bus"
	"shmbus/internal/keeper"
	"shmbus/plugins"
)

const document = "../../docs/METRICS.md"

func TestTheDocumentListsTheMetricsThatThereAre(t *testing.T) {
	text, err := os.ReadFile(document)
	must(t, err)
	var want []string
	for _, m := range metrics {
		kind := map[any]string{counter: "counter", gauge: "gauge"}[m.kind]
		labels := "-"
		if m.labels != "" {
			labels = strings.ReplaceAll(m.labels, ",", ", ")
		}
		want = append(want, fmt.Sprintf("| `%s` | %s | %s | %s |", m.name, kind, labels, m.help))
	}
	var got []string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "| `shmbus_") {
			got = append(got, strings.TrimSuffix(line, "\n"))
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s has\n%s\nwant\n%s", document, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, name := range regexp.MustCompile(`shmbus_[a-z_]+`).FindAllString(string(text), -1) {
		if !slices.ContainsFunc(metrics, func(m *metric) bool { return m.name == name }) {
			t.Errorf("%s speaks of %s, which is not there", document, name)
		}
	}
}

func TestTheCommandsOfTheDocumentsScrape(t *testing.T) {
	b, place := newBus(t)
	d, _ := serve(t, Config{}, b, place, nil)
	for _, path := range []string{document, "../../README.md"} {
		text, err := os.ReadFile(path)
		must(t, err)
		command := regexp.MustCompile(`(?m)^ +(curl .*http://bus/metrics)$`).FindSubmatch(text)
		if command == nil {
			t.Errorf("%s has no command", path)
			continue
		}
		sh := func(script string) string {
			cmd := exec.Command("sh", "-c", script+string(command[1]))
			cmd.Env = append(os.Environ(), "SHMBUS_DIR="+b.Dir())
			out, err := cmd.Output()
			if err != nil {
				t.Errorf("%s: %s: %v", path, command[1], err)
			}
			return string(out)
		}
		want := fmt.Sprintf("/dev/shm/shmbus-%d/.busd/web.sock\n", os.Getuid())
		if got := sh(`unset SHMBUS_DIR; curl() { echo "$2"; }; `); got != want {
			t.Errorf("%s: without SHMBUS_DIR it asks %q, want %q", path, got, want)
		}
		if got := sh(`curl() { echo "$2"; }; `); got != d.Addr()+"\n" {
			t.Errorf("%s: it asks %q, want %q", path, got, d.Addr())
		}
		if _, err := exec.LookPath("curl"); err != nil {
			continue
		}
		if out := sh(""); !strings.Contains(out, "shmbus_busd_info{") {
			t.Errorf("%s: %s", path, out)
		}
	}
}

func TestWhatIsScrapedIsWhatIsOnTheBus(t *testing.T) {
	b, place := newBus(t)
	c := newCrowd(t, b)
	c.publish(0, `od"d\name`)
	lossy, err := b.Subscribe(t.Context(), `od"d\name`)
	must(t, err)
	defer lossy.Close()
	c.publish(300, `od"d\name`)
	must(t, b.CreateTopic("jobs", bus.TopicOptions{Policy: bus.PolicyLossless}))
	member, err := b.Subscribe(t.Context(), "jobs", bus.Group("g"))
	must(t, err)
	defer member.Close()
	c.publish(3, "jobs")
	d, _ := serve(t, Config{}, b, place, fakes{
		{Name: "good", Phase: plugins.Running, Plugin: plugins.Process{PID: c.Pid()}, Restarts: 2, Frames: 5, Bytes: 50, Dropped: 1},
		{Name: "bad", Phase: plugins.Failed},
	})
	status, text := get(t, client(t, d), "http://bus/metrics")
	if status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	for _, line := range []string{
		`shmbus_busd_info{go="go`, `version="v1.2.3"} 1`, `shmbus_sample_error 0`, `shmbus_topics 3`, `shmbus_participants 2`, `shmbus_omitted_subscriptions 0`,
		`shmbus_topic_frames_total{topic="od\"d\\name"} 300`, `shmbus_topic_bytes_total{topic="od\"d\\name"} 30000`,
		`shmbus_topic_position_slots{topic="od\"d\\name"} 600`, `shmbus_topic_ring_slots{topic="od\"d\\name"} 64`,
		`shmbus_topic_publishers{topic="od\"d\\name"} 1`, `shmbus_topic_subscribers{topic="od\"d\\name"} 1`,
		`shmbus_topic_lag_slots{topic="od\"d\\name"} 600`, `shmbus_subscription_lag_slots{subscription="1",topic="od\"d\\name"} 600`,
		`shmbus_topic_lag_slots{topic="jobs"} 6`, `shmbus_group_lag_slots{group="g",topic="jobs"} 6`, `shmbus_topic_blocked_seconds_total{topic="jobs"} 0`,
		`shmbus_plugin_up{plugin="good"} 1`, `shmbus_plugin_up{plugin="bad"} 0`, `shmbus_plugin_phase{phase="failed",plugin="bad"} 1`,
		`shmbus_plugin_phase{phase="running",plugin="bad"} 0`, `shmbus_plugin_restarts_total{plugin="good"} 2`, `shmbus_plugin_processes{plugin="good"} 1`,
		`shmbus_plugin_frames_total{plugin="good"} 5`, `shmbus_plugin_bytes_total{plugin="good"} 50`, `shmbus_plugin_dropped_frames_total{plugin="good"} 1`,
		`shmbus_segment_bytes{segment="`, `go_goroutines `, `process_cpu_seconds_total `,
	} {
		if !strings.Contains(text, line) {
			t.Errorf("there is no line %s", line)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

func TestTheMetricsAreNamedAsPrometheusLikes(t *testing.T) {
	b, _ := newBus(t)
	all, err := newRegistry(keeper.NewSampler(b, fakes{{Name: "a"}}), "v").Gather()
	must(t, err)
	problems, err := promlint.NewWithMetricFamilies(all).Lint()
	must(t, err)
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestSubscriptionsBeyondAThousandHaveNoSeries(t *testing.T) {
	c := &collector{}
	series := map[string]int{}
	put := func(m *metric, _ float64, _ ...string) { series[m.name]++ }
	left := mostSubscriptions
	topic := keeper.Topic{Subscriptions: make([]bus.SubscriberInfo, 700), Groups: make([]bus.GroupInfo, 10)}
	c.topic(put, topic, &left)
	c.topic(put, topic, &left)
	if n := series[subscriptionLag.name] + series[groupLag.name]; n != mostSubscriptions || left != -420 {
		t.Errorf("%d series, %d left out; want %d and 420", n, -left, mostSubscriptions)
	}
	if series[topicLag.name] != 2 {
		t.Error("topics have to have theirs all the same")
	}
}

// A oneTopic collects the numbers of one topic.
type oneTopic struct {
	*collector
	topic keeper.Topic
}

func (o oneTopic) Collect(to chan<- prometheus.Metric) {
	left := mostSubscriptions
	o.collector.topic(o.putter(to), o.topic, &left)
}

func TestWhatLooksTheSameDoesNotSwitchTheMetricsOff(t *testing.T) {
	r := prometheus.NewRegistry()
	r.MustRegister(oneTopic{newCollector(nil, "v"), keeper.Topic{
		Subscriptions: []bus.SubscriberInfo{{ID: 1, Lost: 7}, {ID: 1, Lost: 8}, {ID: 2}},
		Groups:        []bus.GroupInfo{{Name: "a?"}, {Name: "a\xff"}, {Name: "a"}},
	}})
	all, err := r.Gather()
	must(t, err)
	series := map[string]int{}
	for _, f := range all {
		series[f.GetName()] = len(f.GetMetric())
		if f.GetName() == subscriptionLost.name && f.GetMetric()[0].GetCounter().GetValue() != 7 {
			t.Errorf("%v, want the first", f)
		}
	}
	if series[subscriptionLag.name] != 2 || series[groupLag.name] != 2 || series[topicFrames.name] != 1 {
		t.Errorf("%v", series)
	}
}
