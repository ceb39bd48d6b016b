package streams_test

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

// What an administrator has to grant to the user of an application.
func ExampleApp_Rights() {
	b := streams.NewBuilder("orders")
	streams.From(b, in).GroupByKey().Count(state.NewKeyValue("counts", serde.String, serde.Int64))
	topo, err := b.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	app, err := streams.New(topo, streams.Config{Brokers: []string{"localhost:9092"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, right := range app.Rights() {
		fmt.Println(right)
	}
	// Output:
	// --operation Read --topic 'in'
	// --operation Create --topic 'orders-counts-changelog'
	// --operation DescribeConfigs --topic 'orders-counts-changelog'
	// --operation Read --topic 'orders-counts-changelog'
	// --operation Write --topic 'orders-counts-changelog'
	// --operation Read --group 'orders'
	// --operation Write --transactional-id 'orders-' --resource-pattern-type prefixed
}

// TestRightsForPatterns are for all that begin as the pattern does, or for all topics.
func TestRightsForPatterns(t *testing.T) {
	for expression, want := range map[string]streams.Right{
		`per-user-.*`:             {Operation: "Read", Resource: "topic", Name: "per-user-", Prefixed: true},
		`.*-clicks`:               {Operation: "Read", Resource: "topic", Name: "*"},
		regexp.QuoteMeta("a.b-c"): {Operation: "Read", Resource: "topic", Name: "a.b-c", Prefixed: true},
	} {
		built := topo(t, func(b *streams.Builder) {
			streams.FromPattern(b, streams.NewTopicPattern(expression, serde.String, serde.String)).To(out)
		})
		app, err := streams.New(built, streams.Config{
			Brokers: []string{"nowhere:9092"}, Guarantee: streams.AtLeastOnce,
			OnError: streams.DeadLetter, DeadLetterTopic: "dead",
		})
		require.NoError(t, err)
		require.Equal(t, []streams.Right{
			{Operation: "Write", Resource: "topic", Name: "out"}, {Operation: "Write", Resource: "topic", Name: "dead"}, want,
			{Operation: "Read", Resource: "group", Name: "app"},
		}, app.Rights())
	}
}
