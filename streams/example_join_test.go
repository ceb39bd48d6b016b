package streams_test

import (
	"time"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/window"
)

// of is a left and a right value, each of which may be missing.
func of(left, right streams.Optional[string]) string { return orNull(left) + " and " + orNull(right) }

func ExampleJoinRecord() {
	greet := func(r record, name streams.Optional[string]) (streams.Optional[string], error) {
		if !name.OK {
			return streams.None[string](), nil
		}
		return streams.Some(r.Value + ", " + name.Value), nil
	}
	b := streams.NewBuilder("example")
	streams.JoinRecord(streams.From(b, in), streams.TableFrom(b, other, rows), streams.Left, greet).To(out)
	perform(b, out, send(other, rec("7", "Ann", 1)), send(in, rec("7", "hello", 2), rec("8", "hello", 3)))
	// Output:
	// 7 hello, Ann
	// 8 deleted
}

// Clicks and purchases that are within a minute of each other.
func ExampleJoinStreams() {
	b := streams.NewBuilder("example")
	joined := streams.JoinStreams(streams.From(b, in), streams.From(b, other), window.Within(time.Minute), pairs,
		func(click, purchase string) string { return click + " led to " + purchase })
	joined.To(out)
	perform(b, out,
		send(in, rec("ann", "ad", 0)), send(other, rec("ann", "tea", 50_000)),
		send(other, rec("ann", "gin", 70_000)))
	// Output: ann ad led to tea
}

// A left record that nothing has met comes out alone, once its window has closed.
func ExampleLeftJoinStreams() {
	b := streams.NewBuilder("example")
	joined := streams.LeftJoinStreams(streams.From(b, in), streams.From(b, other), window.Within(time.Minute), pairs,
		func(click string, purchase streams.Optional[string]) string {
			return click + " led to " + orNull(purchase)
		})
	joined.To(out)
	perform(b, out, send(in, rec("ann", "ad", 0), rec("bob", "ad", 100_000)))
	// Output: ann ad led to null
}

func ExampleOuterJoinStreams() {
	b := streams.NewBuilder("example")
	joined := streams.OuterJoinStreams(streams.From(b, in), streams.From(b, other), window.Within(time.Minute), pairs, of)
	joined.To(out)
	perform(b, out,
		send(in, rec("ann", "ad", 0)), send(other, rec("bob", "tea", 1)),
		send(in, rec("cid", "ad", 100_000)), send(other, rec("cid", "gin", 100_000)))
	// Output:
	// ann ad and null
	// bob null and tea
	// cid ad and gin
}

func ExampleJoinStreamsRecord() {
	tell := func(key, left, right streams.Optional[string]) (streams.Optional[string], error) {
		return streams.Some(orNull(key) + ": " + of(left, right)), nil
	}
	b := streams.NewBuilder("example")
	joined := streams.JoinStreamsRecord(streams.From(b, in), streams.From(b, other), streams.Inner,
		window.Within(time.Minute), pairs, tell)
	joined.To(out)
	perform(b, out, send(in, rec("ann", "ad", 0)), send(other, rec("ann", "tea", 1)))
	// Output: ann ann: ad and tea
}

// names and cities are two tables of people.
func names(b *streams.Builder) *table { return streams.TableFrom(b, in, rows) }

func cities(b *streams.Builder) *table {
	return streams.TableFrom(b, other, state.NewKeyValue("cities", serde.String, serde.String))
}

// people is rows of both: 7 in both, 8 without a city, 9 without a name, and 7 leaving its city.
var people = []event{
	send(in, rec("7", "Ann", 1), rec("8", "Bob", 2)),
	send(other, rec("7", "Oslo", 3), rec("9", "Rome", 4), nullValue("7", 5)),
}

func ExampleTableJoin() {
	b := streams.NewBuilder("example")
	lives := streams.TableJoin(names(b), cities(b), func(name, city string) string { return name + " in " + city })
	lives.ToStream().To(out)
	perform(b, out, people...)
	// Output:
	// 7 Ann in Oslo
	// 7 deleted
}

func ExampleTableLeftJoin() {
	b := streams.NewBuilder("example")
	lives := streams.TableLeftJoin(names(b), cities(b), func(name string, city streams.Optional[string]) string {
		return name + " in " + orNull(city)
	})
	lives.ToStream().To(out)
	perform(b, out, people...)
	// Output:
	// 7 Ann in null
	// 8 Bob in null
	// 7 Ann in Oslo
	// 7 Ann in null
}

func ExampleTableOuterJoin() {
	b := streams.NewBuilder("example")
	streams.TableOuterJoin(names(b), cities(b), of).ToStream().To(out)
	perform(b, out, people...)
	// Output:
	// 7 Ann and null
	// 8 Bob and null
	// 7 Ann and Oslo
	// 9 null and Rome
	// 7 Ann and null
}

// A result of none is no row.
func ExampleTableJoinRecord() {
	noRomans := func(key string, name, city streams.Optional[string]) (streams.Optional[string], error) {
		return streams.Optional[string]{Value: key + ": " + of(name, city), OK: city.Value != "Rome"}, nil
	}
	b := streams.NewBuilder("example")
	streams.TableJoinRecord(names(b), cities(b), streams.Outer, noRomans).ToStream().To(out)
	perform(b, out, send(in, rec("7", "Ann", 1)), send(other, rec("7", "Oslo", 2), rec("7", "Rome", 3)))
	// Output:
	// 7 7: Ann and null
	// 7 7: Ann and Oslo
	// 7 deleted
}
