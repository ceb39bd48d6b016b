package streams_test

import (
	"strings"
	"time"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/window"
)

// A result of none deletes the row, and the next record begins anew.
func ExampleGroup_ReduceRecord() {
	list := func(r record, row string) (streams.Optional[string], error) {
		if r.Value == "checkout" {
			return streams.None[string](), nil
		}
		return streams.Some(row + ", " + r.Value), nil
	}
	b := streams.NewBuilder("example")
	streams.From(b, in).GroupByKey().ReduceRecord(rows, list).ToStream().To(out)
	play(b, out, rec("ann", "tea", 1), rec("ann", "jam", 2), rec("ann", "checkout", 3), rec("ann", "gin", 4))
	// Output:
	// ann tea
	// ann tea, jam
	// ann deleted
	// ann gin
}

func ExampleAggregateRecord() {
	latest := func() int64 { return 0 }
	newest := func(r record, row int64) (streams.Optional[int64], error) {
		return streams.Some(max(row, r.Timestamp)), nil
	}
	b := streams.NewBuilder("example")
	streams.AggregateRecord(streams.From(b, in).GroupByKey(), tally, latest, newest).ToStream().To(counts)
	play(b, counts, rec("ann", "hello", 7), rec("ann", "late", 5))
	// Output:
	// ann 7
	// ann 7
}

// A visitor who has not been seen for a minute is forgotten, and begins anew.
func ExampleAggregate_timeToLive() {
	b := streams.NewBuilder("example")
	visits := streams.From(b, in).GroupByKey().Count(tally.TTL(time.Minute))
	visits.ToStream().To(counts)
	play(b, counts, rec("ann", "hi", 0), rec("ann", "hi", 1_000), rec("bob", "hi", 90_000), rec("ann", "hi", 91_000))
	// Output:
	// ann 1
	// ann 2
	// ann deleted
	// bob 1
	// ann 1
}

// cart is two topics folded into one row: what was put in, and what was taken out again.
func cart(b *streams.Builder) *streams.Cogroup[string, string] {
	none := func() string { return "" }
	put := func(r record, row string) (streams.Optional[string], error) {
		return streams.Some(strings.TrimSpace(row + " " + r.Value)), nil
	}
	take := func(r record, row string) (streams.Optional[string], error) {
		return streams.Some(strings.TrimSpace(strings.Replace(row, r.Value, "", 1))), nil
	}
	putIn := streams.NewCogroup(streams.From(b, in).GroupByKey(), none, put)
	return streams.CogroupAdd(putIn, streams.From(b, other).GroupByKey(), take)
}

func ExampleCogroup_Aggregate() {
	b := streams.NewBuilder("example")
	cart(b).Aggregate(rows).ToStream().To(out)
	perform(b, out,
		send(in, rec("ann", "tea", 1), rec("ann", "jam", 2)), send(other, rec("ann", "tea", 3)))
	// Output:
	// ann tea
	// ann tea jam
	// ann jam
}

func ExampleCogroup_AggregateWindows() {
	b := streams.NewBuilder("example")
	carts := cart(b).AggregateWindows(window.Tumbling(time.Minute), texts)
	streams.ResultsBy(carts.Final(), windowText).To(out)
	perform(b, out,
		send(in, rec("ann", "tea", 1_000), rec("ann", "jam", 2_000)), send(other, rec("ann", "tea", 3_000)),
		send(in, rec("ann", "gin", 60_000)))
	// Output: ann@[0,60000) jam
}

func ExampleCogroup_AggregateSessions() {
	both := func(_, a, b string) (string, error) { return strings.TrimSpace(a + " " + b), nil }
	perVisit := state.NewSession("per-visit", serde.String, serde.String)
	b := streams.NewBuilder("example")
	visits := cart(b).AggregateSessions(window.Sessions(time.Minute), perVisit, both)
	streams.ResultsBy(visits.Final(), windowText).To(out)
	perform(b, out,
		send(in, rec("ann", "tea", 0), rec("ann", "jam", 50_000)), send(other, rec("ann", "tea", 100_000)),
		send(in, rec("ann", "gin", 500_000)))
	// Output: ann@[0,100000] jam
}
