package streams_test

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
)

func ExampleTable_FilterNot() {
	b := streams.NewBuilder("example")
	here := streams.TableFrom(b, in, rows).FilterNot(func(v string) bool { return v == "away" })
	here.ToStream().To(out)
	play(b, out, rec("ann", "online", 1), rec("bob", "away", 2), rec("ann", "away", 3))
	// Output:
	// ann online
	// ann deleted
}

func ExampleTable_FilterRecord() {
	guest := func(r record) (bool, error) { return strings.HasPrefix(r.Key, "guest"), nil }
	b := streams.NewBuilder("example")
	streams.TableFrom(b, in, rows).FilterRecord(guest).ToStream().To(out)
	play(b, out, rec("ann", "online", 1), rec("guest-7", "online", 2))
	// Output: guest-7 online
}

func ExampleTableMapValuesRecord() {
	title := func(r record) (streams.Optional[string], error) {
		return streams.Optional[string]{Value: r.Key + " is " + r.Value, OK: r.Value != "away"}, nil
	}
	b := streams.NewBuilder("example")
	streams.TableMapValuesRecord(streams.TableFrom(b, in, rows), title).ToStream().To(out)
	play(b, out, rec("ann", "online", 1), rec("ann", "away", 2))
	// Output:
	// ann ann is online
	// ann deleted
}

func ExampleStream_ToTable() {
	b := streams.NewBuilder("example")
	s := streams.From(b, in)
	statuses := streams.MapValues(s, strings.ToUpper).ToTable(rows)
	streams.Join(s, statuses, func(v, row string) string { return v + " is kept as " + row }).To(out)
	play(b, out, rec("ann", "online", 1))
	// Output: ann online is kept as ONLINE
}

// The rows behind a filter are worked out when a join looks them up; with a store of their own they are read.
func ExampleTable_Materialize() {
	b := streams.NewBuilder("example")
	lengths := streams.TableMapValues(streams.TableFrom(b, in, rows), func(v string) int64 { return int64(len(v)) })
	lengths.Materialize(tally).ToStream().To(counts)
	play(b, counts, rec("ann", "online", 1), nullValue("ann", 2))
	// Output:
	// ann 6
	// ann deleted
}

func ExampleToStreamKey() {
	status := func(r record) (streams.Optional[string], error) {
		return streams.Optional[string]{Value: r.Value, OK: !r.NullValue}, nil
	}
	b := streams.NewBuilder("example")
	byStatus := streams.ToStreamKey(streams.TableFrom(b, in, rows), status)
	byStatus.Repartition(rekey).GroupByKey().Count(tally).ToStream().To(counts)
	play(b, counts, rec("ann", "online", 1), rec("bob", "online", 2))
	// Output:
	// online 1
	// online 2
}

// Records arrive in any order, the newest is the row.
func ExampleTableFrom_newestWins() {
	b := streams.NewBuilder("example")
	streams.TableFrom(b, in, rows.NewestWins()).ToStream().To(out)
	play(b, out, rec("ann", "online", 10), rec("ann", "typing", 5), rec("ann", "away", 20))
	// Output:
	// ann online
	// ann away
}

// A row that has not been touched for a minute of stream time is deleted.
func ExampleTableFrom_timeToLive() {
	b := streams.NewBuilder("example")
	streams.TableFrom(b, in, rows.TTL(time.Minute)).ToStream().To(out)
	play(b, out, rec("ann", "online", 0), rec("bob", "online", 60_000), rec("bob", "typing", 60_001))
	// Output:
	// ann online
	// bob online
	// ann deleted
	// bob typing
}

// byCity groups people by the city they live in.
func byCity(b *streams.Builder) *streams.TableGroup[string, string] {
	city := func(name, city string) (string, string) { return city, name }
	topic := streams.NewRepartition("by-city", serde.String, serde.String)
	return streams.TableGroupBy(streams.TableFrom(b, in, rows), city, topic)
}

// Who moves leaves the one group before entering the other.
func ExampleTableGroup_Count() {
	b := streams.NewBuilder("example")
	byCity(b).Count(tally).ToStream().To(counts)
	play(b, counts, rec("ann", "Oslo", 1), rec("bob", "Oslo", 2), rec("ann", "Rome", 3))
	// Output:
	// Oslo 1
	// Oslo 2
	// Oslo 1
	// Rome 1
}

func ExampleTableGroup_Reduce() {
	add := func(names, name string) string { return names + "," + name }
	subtract := func(names, name string) string {
		return strings.Trim(strings.Replace(","+names+",", ","+name+",", ",", 1), ",")
	}
	b := streams.NewBuilder("example")
	byCity(b).Reduce(state.NewKeyValue("names", serde.String, serde.String), add, subtract).ToStream().To(out)
	play(b, out, rec("ann", "Oslo", 1), rec("bob", "Oslo", 2), rec("ann", "Rome", 3))
	// Output:
	// Oslo ann
	// Oslo ann,bob
	// Oslo bob
	// Rome ann
}

func ExampleTableAggregate() {
	add := func(_, name string, letters int64) int64 { return letters + int64(len(name)) }
	subtract := func(_, name string, letters int64) int64 { return letters - int64(len(name)) }
	b := streams.NewBuilder("example")
	letters := streams.TableAggregate(byCity(b), tally, func() int64 { return 0 }, add, subtract)
	letters.ToStream().To(counts)
	play(b, counts, rec("ann", "Oslo", 1), rec("george", "Oslo", 2), nullValue("ann", 3))
	// Output:
	// Oslo 3
	// Oslo 9
	// Oslo 6
}

// A group without rows is deleted when subtract returns none.
func ExampleTableAggregateRecord() {
	add := func(_ record, n int64) (streams.Optional[int64], error) { return streams.Some(n + 1), nil }
	subtract := func(_ record, n int64) (streams.Optional[int64], error) {
		return streams.Optional[int64]{Value: n - 1, OK: n > 1}, nil
	}
	b := streams.NewBuilder("example")
	people := streams.TableAggregateRecord(byCity(b), tally, func() int64 { return 0 }, add, subtract)
	people.ToStream().To(counts)
	play(b, counts, rec("ann", "Oslo", 1), nullValue("ann", 2))
	// Output:
	// Oslo 1
	// Oslo deleted
}

// Rows whose group is null are in none.
func ExampleTableGroupByRecord() {
	city := func(r record) (record, error) {
		return record{Key: r.Value, Value: r.Key, NullKey: r.Value == "unknown"}, nil
	}
	b := streams.NewBuilder("example")
	people := streams.TableGroupByRecord(streams.TableFrom(b, in, rows), city, rekey)
	people.Count(tally).ToStream().To(counts)
	play(b, counts, rec("ann", "Oslo", 1), rec("bob", "unknown", 2))
	// Output: Oslo 1
}

// Changes wait for a minute of stream time, and only the latest of each row comes out.
func ExampleTable_Suppress() {
	b := streams.NewBuilder("example")
	calm := streams.TableFrom(b, in, rows).Suppress(streams.HoldFor(time.Minute), heldBack)
	calm.ToStream().To(out)
	play(b, out, rec("ann", "online", 0), rec("ann", "away", 1_000), rec("bob", "online", 60_000))
	// Output: ann away
}

// A buffer with bounds lets the oldest rows out early.
func ExampleHold_MaxRecords() {
	b := streams.NewBuilder("example")
	hold := streams.HoldFor(time.Hour).MaxRecords(1).MaxBytes(1 << 20)
	streams.TableFrom(b, in, rows).Suppress(hold, heldBack).ToStream().To(out)
	play(b, out, rec("ann", "online", 0), rec("bob", "online", 1))
	// Output: ann online
}

func ExampleHold_FailWhenFull() {
	b := streams.NewBuilder("example")
	hold := streams.HoldFor(time.Hour).MaxRecords(1).FailWhenFull()
	streams.TableFrom(b, in, rows).Suppress(hold, heldBack).ToStream().To(out)
	full := func(d *testkit.Driver) { fmt.Println("full:", errors.Is(d.Err(), streams.ErrSuppressFull)) }
	perform(b, out, send(in, rec("ann", "online", 0), rec("bob", "online", 1)), full)
	// Output: full: true
}

// Of the changes of a row only the last of each commit goes on, so that what leaves the application depends on
// Config.CommitInterval. The driver commits after each record.
func ExamplePerCommit() {
	b := streams.NewBuilder("example")
	streams.PerCommit(streams.From(b, in).GroupByKey().Count(tally)).ToStream().To(counts)
	play(b, counts, rec("ann", "hi", 1), rec("ann", "hello", 2))
	// Output:
	// ann 1
	// ann 2
}
