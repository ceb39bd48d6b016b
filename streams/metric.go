package streams

import (
	"iter"

	"github.com/twmb/franz-go/pkg/kgo"
)

// MetricKind is how the values of a metric behave.
type MetricKind string

// The kinds of metrics.
const (
	MetricGauge   MetricKind = "gauge"   // goes up and down
	MetricCounter MetricKind = "counter" // goes up only, from 0 at the start of what it counts for
	// MetricHistogram is for ReadHistograms; what Read shows of it are the sums.
	MetricHistogram MetricKind = "histogram"
)

// MetricLevel is what a metric is about. Each level has more values than the one before.
type MetricLevel int

// The levels of metrics, as in Kafka Streams.
const (
	ClientLevel MetricLevel = iota // the process
	WorkerLevel                    // each worker
	TaskLevel                      // each task, input partition and step
	StoreLevel                     // each store of each task
)

// String is the level in lower case.
func (l MetricLevel) String() string { return [...]string{"client", "worker", "task", "store"}[l] }

// Metric is what some values of a Snapshot are called in systems that watch applications.
type Metric struct {
	Name       string // of OpenTelemetry's kind: millstream.records
	Kind       MetricKind
	Level      MetricLevel
	Unit       string   // as OpenTelemetry writes it: s, By, {record}
	Attributes []string // what tells the values apart
	Help       string   // one sentence, without a full stop
	// Read shows the values in a snapshot, each with its attributes in the order of Attributes.
	Read func(s Snapshot, show func(value float64, attributes ...string))
}

// pushed are the metrics of the client level as a Kafka client sends them to brokers that ask for them (KIP-714,
// KIP-1076). What counts time is left out: franz-go sends sums of integers only.
func pushed(a *App) iter.Seq[kgo.Metric] {
	return func(yield func(kgo.Metric) bool) {
		s, more := a.Snapshot(), true
		for _, m := range Metrics() {
			if m.Level != ClientLevel || m.Kind == MetricHistogram || m.Kind == MetricCounter && m.Unit == "s" {
				continue
			}
			m.Read(s, func(value float64, attributes ...string) {
				if more {
					more = yield(pushedOf(m, s.App, value, attributes))
				}
			})
		}
	}
}

func pushedOf(m Metric, app string, value float64, attributes []string) kgo.Metric {
	out := kgo.Metric{Name: m.Name, Attrs: map[string]any{"app": app}}
	for i, name := range m.Attributes {
		out.Attrs[name] = attributes[i]
	}
	if out.Type, out.ValueFloat = kgo.MetricTypeGauge, value; m.Kind == MetricCounter {
		out.Type, out.ValueInt, out.ValueFloat = kgo.MetricTypeSum, int64(value), 0
	}
	return out
}
