package docs

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
)

var (
	Clicks = streams.NewTopic("clicks", serde.String, serde.String)
	Visits = state.NewKeyValue("visits", serde.String, serde.Int64)
)

// TestBeginsWithState: testdata/state was exported from an application that had seen user 1 twice.
func TestBeginsWithState(t *testing.T) {
	b := streams.NewBuilder("visits-app")
	streams.From(b, Clicks).GroupByKey().Count(Visits)
	topo, err := b.Build()
	require.NoError(t, err)
	at := time.UnixMilli(1_772_366_400_000)

	d := testkit.New(t, topo, testkit.FromState("testdata/state"))
	testkit.Input(d, Clicks).Pipe("user 1", "a", at)
	n, ok := testkit.Get(d, Visits, "user 1")
	require.True(t, ok)
	require.EqualValues(t, 3, n)
}
