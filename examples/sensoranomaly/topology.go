package main

import (
	"math"
	"time"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/window"
)

// Anomaly is a reading far from what its sensor, which is the key, read in the minutes before.
type Anomaly struct {
	At        int64   `json:"at"` // milliseconds
	Value     float64 `json:"value"`
	Mean      float64 `json:"mean"` // of the readings before, as is the deviation
	Deviation float64 `json:"deviation"`
}

// What outlives the process is declared once, with its name and its serdes.
var (
	Readings  = streams.NewTopic("sensor-readings", serde.String, serde.Float64)
	Recent    = state.NewWindow("recent-readings", serde.String, serde.Msgpack[Stats]())
	Anomalies = streams.NewTopic("sensor-anomalies", serde.String, serde.JSON[Anomaly]())
)

const (
	reach    = 5 * time.Minute
	grace    = time.Minute
	least    = 10 // readings before one, to judge it
	farthest = 4  // deviations from the mean
)

// Build describes the job: readings that are more than four deviations from the mean of the five minutes before.
//
// A sliding window ends at each reading and holds those of the five minutes before it. It is judged when it is final:
// readings that come late, by up to a minute, count too.
func Build() (*streams.Topology, error) {
	b := streams.NewBuilder("sensor-anomaly")
	recent := streams.From(b, Readings).GroupByKey().WindowedBy(window.Sliding(reach).Grace(grace))
	stats := streams.WindowedAggregateRecord(recent, Recent, newStats, addReading)
	streams.ResultsByRecord(stats.FilterRecord(isAnomaly).Final(), anomaly).To(Anomalies)
	return b.Build()
}

func newStats() Stats { return Stats{} }

func addReading(r streams.Record[string, float64], s Stats) (streams.Optional[Stats], error) {
	return streams.Some(s.with(r.Value, r.Timestamp)), nil
}

// isAnomaly judges the last reading of a window. There are also windows that begin right after a reading; they end
// later than their last one, which is judged in a window of its own.
func isAnomaly(r streams.Record[window.Windowed[string], Stats]) (bool, error) {
	before := r.Value.withoutLast()
	distance := math.Abs(r.Value.Last - before.Mean)
	return r.Key.Window.End == r.Value.At && before.Count >= least && distance > farthest*before.deviation(), nil
}

func anomaly(r streams.Record[window.Windowed[string], Stats]) (streams.Record[string, Anomaly], error) {
	before := r.Value.withoutLast()
	return streams.Record[string, Anomaly]{Key: r.Key.Key, Value: Anomaly{
		At: r.Value.At, Value: r.Value.Last, Mean: cents(before.Mean), Deviation: cents(before.deviation()),
	}}, nil
}
