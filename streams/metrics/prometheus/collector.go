// Package prometheus shows the metrics of an application to Prometheus:
//
//	prometheus.MustRegister(metrics.New(app, streams.TaskLevel))
//
// docs/metrics.md lists them. Only who imports this package compiles Prometheus' client.
package prometheus

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/millstream-go/millstream/streams"
)

// App is whose metrics are shown: a *streams.App.
type App interface {
	Snapshot() streams.Snapshot
}

// Collector is a prometheus.Collector. Each scrape takes one snapshot, which no worker waits for. All metrics have the
// label app, the application id.
type Collector struct {
	app     App
	metrics []described
}

type described struct {
	streams.Metric
	desc *prometheus.Desc
	kind prometheus.ValueType
}

// New is a collector of the metrics of all levels up to one. Kafka Streams' default is streams.TaskLevel; with many
// tasks that are thousands of series, and with streams.StoreLevel more.
func New(app App, upTo streams.MetricLevel) *Collector {
	c := &Collector{app: app}
	labels := prometheus.Labels{"app": app.Snapshot().App}
	for _, m := range streams.Metrics() {
		if m.Level > upTo {
			continue
		}
		d := described{m, prometheus.NewDesc(Name(m), m.Help+".", m.Attributes, labels), prometheus.GaugeValue}
		if m.Kind == streams.MetricCounter {
			d.kind = prometheus.CounterValue
		}
		c.metrics = append(c.metrics, d)
	}
	return c
}

// Describe is for Prometheus.
func (c *Collector) Describe(to chan<- *prometheus.Desc) {
	for _, m := range c.metrics {
		to <- m.desc
	}
}

// Collect is for Prometheus. Any number of goroutines may call it.
func (c *Collector) Collect(to chan<- prometheus.Metric) {
	s := c.app.Snapshot()
	for _, m := range c.metrics {
		if m.Kind == streams.MetricHistogram {
			m.ReadHistograms(s, func(h streams.Histogram, attributes ...string) {
				buckets := map[float64]uint64{}
				for i, bound := range h.Bounds {
					buckets[bound] = h.Counts[i]
				}
				to <- prometheus.MustNewConstHistogram(m.desc, h.Count, h.Sum, buckets, attributes...)
			})
			continue
		}
		m.Read(s, func(value float64, attributes ...string) {
			to <- prometheus.MustNewConstMetric(m.desc, m.kind, value, attributes...)
		})
	}
}

// Name is what a metric is called in Prometheus: with underscores, its unit if that is seconds or bytes, and _total for
// counters.
func Name(m streams.Metric) string {
	name := strings.ReplaceAll(m.Name, ".", "_")
	if unit := map[string]string{"s": "_seconds", "By": "_bytes"}[m.Unit]; !strings.HasSuffix(name, unit) {
		name += unit
	}
	if m.Kind == streams.MetricCounter {
		name += "_total"
	}
	return name
}
