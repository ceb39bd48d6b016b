package otel

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/millstream-go/millstream/streams"
)

// App is whose metrics are shown: a *streams.App.
type App interface {
	Snapshot() streams.Snapshot
}

// instrument is a metric with what observes it.
type instrument struct {
	streams.Metric
	to metric.Float64Observable
}

// Register shows the metrics of all levels up to one by a meter. Each collection takes one snapshot, which no worker
// waits for. Histograms are left out, as the API has none that observe; millstream.time has their sums. All have
// the attribute app, the application id. Unregister of what is returned ends it.
func Register(meter metric.Meter, app App, upTo streams.MetricLevel) (metric.Registration, error) {
	var all []instrument
	var observed []metric.Observable
	var errs []error
	for _, m := range streams.Metrics() {
		if m.Level > upTo || m.Kind == streams.MetricHistogram { // nothing observes these
			continue
		}
		i := instrument{Metric: m}
		var err error
		description, unit := metric.WithDescription(m.Help+"."), metric.WithUnit(m.Unit)
		if m.Kind == streams.MetricCounter {
			i.to, err = meter.Float64ObservableCounter(m.Name, description, unit)
		} else {
			i.to, err = meter.Float64ObservableGauge(m.Name, description, unit)
		}
		all, observed, errs = append(all, i), append(observed, i.to), append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		s := app.Snapshot()
		for _, i := range all {
			i.observe(o, s)
		}
		return nil
	}, observed...)
}

func (i instrument) observe(o metric.Observer, s streams.Snapshot) {
	i.Read(s, func(value float64, attributes ...string) {
		set := make([]attribute.KeyValue, 0, len(attributes)+1)
		set = append(set, attribute.String("app", s.App))
		for n, name := range i.Attributes {
			set = append(set, attribute.String(name, attributes[n]))
		}
		o.ObserveFloat64(i.to, value, metric.WithAttributes(set...))
	})
}
