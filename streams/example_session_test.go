package streams_test

import (
	"fmt"
	"time"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/window"
)

var perVisit = state.NewSession("per-visit", serde.String, serde.Int64)

// A session goes on as long as no pause is longer than the gap. The update that joins two sessions deletes them.
func ExampleSessionGroup_Count() {
	b := streams.NewBuilder("example")
	clicks := streams.From(b, in).GroupByKey().SessionsBy(window.Sessions(time.Minute).Grace(time.Hour))
	streams.ResultsBy(clicks.Count(perVisit).Updates(), windowText).To(counts)
	play(b, counts, rec("ann", "click", 0), rec("ann", "click", 100_000), rec("ann", "between", 50_000))
	// Output:
	// ann@[0,0] 1
	// ann@[100000,100000] 1
	// ann@[0,0] deleted
	// ann@[100000,100000] deleted
	// ann@[0,100000] 3
}

func ExampleSessionGroup_Reduce() {
	b := streams.NewBuilder("example")
	pages := streams.From(b, in).GroupByKey().SessionsBy(window.Sessions(time.Minute))
	paths := pages.Reduce(visits, func(row, page string) string { return row + " > " + page })
	streams.ResultsBy(paths.Final(), windowText).To(out)
	play(b, out, rec("ann", "home", 0), rec("ann", "shop", 30_000), rec("bob", "home", 500_000))
	// Output: ann@[0,30000] home > shop
}

func ExampleSessionAggregate() {
	add := func(_, page string, letters int64) int64 { return letters + int64(len(page)) }
	merge := func(_ string, a, b int64) int64 { return a + b }
	b := streams.NewBuilder("example")
	pages := streams.From(b, in).GroupByKey().SessionsBy(window.Sessions(time.Minute))
	letters := streams.SessionAggregate(pages, perVisit, func() int64 { return 0 }, add, merge)
	streams.ResultsBy(letters.Final(), windowText).To(counts)
	play(b, counts, rec("ann", "home", 0), rec("ann", "cart", 30_000), rec("bob", "home", 500_000))
	// Output: ann@[0,30000] 8
}

// Signing out ends a session: a result of none deletes it.
func ExampleSessionAggregateRecord() {
	add := func(r record, pages int64) (streams.Optional[int64], error) {
		return streams.Optional[int64]{Value: pages + 1, OK: r.Value != "sign out"}, nil
	}
	merge := func(_ string, a, b int64) (int64, error) { return a + b, nil }
	b := streams.NewBuilder("example")
	pages := streams.From(b, in).GroupByKey().SessionsBy(window.Sessions(time.Minute))
	open := streams.SessionAggregateRecord(pages, perVisit, func() int64 { return 0 }, add, merge)
	streams.ResultsBy(open.Updates(), windowText).To(counts)
	play(b, counts, rec("ann", "home", 0), rec("ann", "sign out", 0))
	// Output:
	// ann@[0,0] 1
	// ann@[0,0] deleted
}

// Clicks that come when their session is closed are no part of any: here they are shown.
func ExampleLate_sessions() {
	b := streams.NewBuilder("example")
	clicks := streams.From(b, in).GroupByKey().SessionsBy(window.Sessions(time.Minute)).Count(perVisit)
	streams.ResultsBy(clicks.Final(), windowText).To(counts)
	streams.Late[string](clicks).Peek(func(r record) { fmt.Println("late:", r.Key, r.Timestamp) })
	play(b, counts, rec("ann", "click", 0), rec("bob", "click", 500_000), rec("ann", "click", 30_000))
	// Output:
	// late: ann 30000
	// ann@[0,0] 1
}
