package streams_test

import (
	"testing"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/window"
)

// TestWindowsOfWindows uses windowed keys as keys, and aggregates what was aggregated. That it compiles is the test: a
// method that led from a type of K to one of Windowed[K] would make Go instantiate types without end, and refuse the
// whole package.
func TestWindowsOfWindows(t *testing.T) {
	tens, hundreds := tumbling(10, 0), tumbling(100, 0)
	tenKey := window.TimeKey(serde.String, tens)
	perTen := state.NewWindow("per-ten", serde.String, serde.Int64)
	perHundred := state.NewWindow("per-hundred", tenKey, serde.Int64)
	byKey := streams.NewRepartition("by-key", tenKey, serde.Int64)
	latest := state.NewKeyValue("latest", tenKey, serde.Int64)

	b := streams.NewBuilder("app")
	counted := streams.From(b, in).GroupByKey().WindowedBy(tens).Count(perTen)
	tenResults := streams.WindowedResults(counted.Updates()).Repartition(byKey)
	streams.WindowedResults(tenResults.GroupByKey().WindowedBy(hundreds).Count(perHundred).Final()).
		To(streams.NewTopic("hundreds", window.TimeKey(tenKey, hundreds), serde.Int64))
	table := tenResults.ToTable(latest)
	streams.Join(tenResults, table, func(v, row int64) int64 { return v + row }).
		To(streams.NewTopic("joined", tenKey, serde.Int64))
	build(t, b)
}
