package inspect

import (
	"go/parser"
	"go/token"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/streams"
)

// TestTestOfAFailure: it is Go, whatever the record holds, and the record is in it as it was.
func TestTestOfAFailure(t *testing.T) {
	f := streams.Failure{
		Task: "0_3", Step: "map-1", Site: "shop/topology.go:31", Topic: "orders.by-day", Partition: 3, Offset: 17,
		Partitions: 12, Cause: "processing", Error: "two\nlines",
		Record: &streams.FailedRecord{
			Key: []byte("c-7"), Value: []byte(`{"cents": 5}`), Timestamp: 1764435600000,
			Headers: []streams.Header{{Key: "trace", Value: []byte{0xff, 0}}, {Key: "none"}},
		},
	}
	text := TestOf("shop", f)
	_, err := parser.ParseFile(token.NewFileSet(), "", text, 0)
	require.NoError(t, err, text)
	for _, part := range []string{
		"func TestRecordOrdersByDay_3_17(t *testing.T) {", "testkit.Partitions(12)", "holds a real record",
		"package main", "t.Fatalf(", `streams.NewTopic("orders.by-day", `,
		`PipeTo(3, testkit.RawRecord{`, `Key:       []byte("c-7"),`, "Value:     []byte(`{\"cents\": 5}`),",
		"Timestamp: 1764435600000, // 2025-11-29T17:00:00Z", `{Key: "trace", Value: []byte("\xff\x00")},`,
		`{Key: "none", Value: nil},`, "step map-1 (shop/topology.go:31), orders.by-day/3 offset 17, processing: two lines",
	} {
		require.Contains(t, text, part)
	}
}
