package streams_test

import (
	"strings"
	"time"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

// prices are versions of each row, kept for a day.
var prices = state.NewVersioned("prices", serde.String, serde.String, 24*time.Hour)

func priced(order, price string) string { return order + " at " + price }

// An order has the price of its own time, although the price has changed since.
func ExampleVersionedTableFrom() {
	b := streams.NewBuilder("example")
	table := streams.VersionedTableFrom(b, other, prices)
	streams.Join(streams.From(b, in), table, priced).To(out)
	perform(b, out, send(other, rec("tea", "2 euro", 0), rec("tea", "3 euro", 60_000)),
		send(in, rec("tea", "first", 59_000), rec("tea", "second", 60_000)))
	// Output:
	// tea first at 2 euro
	// tea second at 3 euro
}

func ExampleStream_ToVersionedTable() {
	b := streams.NewBuilder("example")
	table := streams.From(b, other).Filter(func(v string) bool { return v != "" }).ToVersionedTable(prices)
	streams.Join(streams.From(b, in), table, priced).To(out)
	perform(b, out, send(other, rec("tea", "2 euro", 0), rec("tea", "", 30_000)), send(in, rec("tea", "first", 59_000)))
	// Output: tea first at 2 euro
}

// The price of 10 s arrives after the order of 15 s, which waits for it.
func ExampleJoinWithGrace() {
	whole := func(r record, price streams.Optional[string]) (streams.Optional[string], error) {
		return streams.Some(r.Value + " at " + orNull(price)), nil
	}
	b := streams.NewBuilder("example")
	table := streams.VersionedTableFrom(b, other, prices)
	streams.JoinWithGrace(streams.From(b, in), table, streams.Left, time.Minute, waiting, whole).To(out)
	perform(b, out, send(in, rec("tea", "first", 15_000)), send(other, rec("tea", "2 euro", 10_000)),
		send(in, rec("tea", "second", 75_000)))
	// Output: tea first at 2 euro
}

// countries is a table that every instance has whole.
func countries(b *streams.Builder) *streams.GlobalTable[string, string] {
	return streams.GlobalTableFrom(b, other, state.NewKeyValue("countries", serde.String, serde.String))
}

// names of countries, by code.
var codes = send(other, rec("nl", "Netherlands", 1), rec("no", "Norway", 2))

func itself(v string) string { return v }

func ExampleJoinGlobal() {
	b := streams.NewBuilder("example")
	streams.JoinGlobal(streams.From(b, in), countries(b), itself, func(_, name string) string { return name }).To(out)
	perform(b, out, codes, send(in, rec("ann", "no", 3), rec("bob", "xx", 4)))
	// Output: ann Norway
}

func ExampleLeftJoinGlobal() {
	b := streams.NewBuilder("example")
	tell := func(code string, name streams.Optional[string]) string { return code + " is " + orNull(name) }
	streams.LeftJoinGlobal(streams.From(b, in), countries(b), itself, tell).To(out)
	perform(b, out, codes, send(in, rec("ann", "no", 3), rec("bob", "xx", 4)))
	// Output:
	// ann no is Norway
	// bob xx is null
}

func ExampleJoinGlobalRecord() {
	code := func(r record) (streams.Optional[string], error) {
		return streams.Optional[string]{Value: r.Value, OK: r.Value != "unknown"}, nil
	}
	tell := func(r record, code, name streams.Optional[string]) (streams.Optional[string], error) {
		return streams.Some(orNull(code) + " is " + orNull(name)), nil
	}
	b := streams.NewBuilder("example")
	streams.JoinGlobalRecord(streams.From(b, in), countries(b), streams.Left, code, tell).To(out)
	perform(b, out, codes, send(in, rec("ann", "no", 3), rec("bob", "unknown", 4)))
	// Output:
	// ann no is Norway
	// bob null is null
}

// capitals keeps the words of a topic that begin with a capital letter.
type capitals struct {
	kept state.KeyValueStore[string, string]
}

func (p *capitals) Init(ctx *streams.Context[struct{}, struct{}]) error {
	p.kept = rows.In(ctx)
	return nil
}

func (p *capitals) Process(_ *streams.Context[struct{}, struct{}], r record) error {
	for word := range strings.FieldsSeq(r.Value) {
		if word[0] < 'A' || word[0] > 'Z' {
			continue
		}
		if err := p.kept.Put(r.Key, word, r.Timestamp); err != nil {
			return err
		}
	}
	return nil
}

// lookup passes what the store of a global processor has for a record's value.
type lookup struct {
	kept state.KeyValueStore[string, string]
}

func (p *lookup) Init(ctx *streams.Context[string, string]) error {
	p.kept = rows.In(ctx)
	return nil
}

func (p *lookup) Process(ctx *streams.Context[string, string], r record) error {
	word, ok, err := p.kept.Get(r.Value)
	if err != nil || !ok {
		return err
	}
	r.Value = word
	return ctx.Forward(r)
}

func newCapitals() streams.Processor[string, string, struct{}, struct{}] { return &capitals{} }
func newLookup() streams.Processor[string, string, string, string]       { return &lookup{} }

// A processor of its own fills the store that every instance has; others read it.
func ExampleGlobalProcess() {
	b := streams.NewBuilder("example")
	streams.GlobalProcess(b, other, newCapitals, rows)
	streams.Process(streams.From(b, in), newLookup, rows).To(out)
	perform(b, out, send(other, rec("no", "the kingdom of Norway", 1)), send(in, rec("ann", "no", 2)))
	// Output: ann Norway
}

// albums have the key of their artist in front of their title.
var albumArtists = streams.NewForeignKey("album-artists", serde.String, serde.String, serde.String, serde.String)

func artistOf(_, album string) streams.Optional[string] {
	artist, _, ok := strings.Cut(album, "/")
	return streams.Optional[string]{Value: artist, OK: ok}
}

// albums and artists are two tables with different keys.
func albums(b *streams.Builder) *table {
	return streams.TableFrom(b, in, state.NewKeyValue("albums", serde.String, serde.String))
}

func artists(b *streams.Builder) *table {
	return streams.TableFrom(b, other, state.NewKeyValue("artists", serde.String, serde.String))
}

// The result follows both tables: here the artist's name is put right.
func ExampleJoinForeignKey() {
	b := streams.NewBuilder("example")
	joined := streams.JoinForeignKey(albums(b), artists(b), albumArtists, rows, artistOf,
		func(album, artist string) string { return album + " by " + artist })
	joined.ToStream().To(out)
	perform(b, out, send(other, rec("mj", "Micheal", 1)), send(in, rec("a1", "mj/Thriller", 2)),
		send(other, rec("mj", "Michael", 3)))
	// Output:
	// a1 mj/Thriller by Micheal
	// a1 mj/Thriller by Michael
}

func ExampleForeignKey_RightPartition() {
	b := streams.NewBuilder("example")
	byLength := func(artist string, partitions int32) int32 { return int32(len(artist)) % partitions }
	joined := streams.JoinForeignKey(albums(b), artists(b), albumArtists.RightPartition(byLength), rows, artistOf,
		func(album, artist string) string { return album + " by " + artist })
	joined.ToStream().To(out)
	perform(b, out, send(other, rec("mj", "Michael", 1)), send(in, rec("a1", "mj/Bad", 2)))
	// Output: a1 mj/Bad by Michael
}

func ExampleLeftJoinForeignKey() {
	b := streams.NewBuilder("example")
	joined := streams.LeftJoinForeignKey(albums(b), artists(b), albumArtists.InMemory(), rows, artistOf,
		func(album string, artist streams.Optional[string]) string { return album + " by " + orNull(artist) })
	joined.ToStream().To(out)
	perform(b, out, send(in, rec("a1", "Traditional", 1)))
	// Output: a1 Traditional by null
}

func ExampleJoinForeignKeyRecord() {
	tell := func(key, album string, artist streams.Optional[string]) (streams.Optional[string], error) {
		return streams.Some(key + ": " + album + " by " + artist.Value), nil
	}
	b := streams.NewBuilder("example")
	joined := streams.JoinForeignKeyRecord(albums(b), artists(b), albumArtists, rows, streams.Inner, artistOf, tell)
	joined.ToStream().To(out)
	perform(b, out, send(other, rec("mj", "Michael", 1)), send(in, rec("a1", "mj/Bad", 2)))
	// Output: a1 a1: mj/Bad by Michael
}
