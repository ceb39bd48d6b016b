package streams_test

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

func ExampleStream_FilterNot() {
	b := streams.NewBuilder("example")
	streams.From(b, in).FilterNot(func(v string) bool { return v == "spam" }).To(out)
	play(b, out, rec("ann", "hello", 1), rec("bob", "spam", 2))
	// Output: ann hello
}

// The plain Filter lets null values pass: it has nothing to ask about them.
func ExampleStream_FilterRecord() {
	present := func(r record) (bool, error) { return !r.NullValue, nil }
	b := streams.NewBuilder("example")
	streams.From(b, in).FilterRecord(present).To(out)
	play(b, out, rec("ann", "hello", 1), nullValue("ann", 2))
	// Output: ann hello
}

func ExampleStream_ForEach() {
	b := streams.NewBuilder("example")
	streams.From(b, in).ForEach(func(r record) error {
		fmt.Println("mail to", r.Key)
		return nil
	})
	play(b, out, rec("ann", "hello", 1))
	// Output: mail to ann
}

// An error stops the application, unless Config.OnError says otherwise.
func ExampleMapValuesRecord() {
	number := func(r record) (streams.Optional[int64], error) {
		if r.NullValue {
			return streams.None[int64](), nil
		}
		n, err := strconv.ParseInt(r.Value, 10, 64)
		return streams.Some(n), err
	}
	b := streams.NewBuilder("example")
	streams.MapValuesRecord(streams.From(b, in), number).To(counts)
	play(b, counts, rec("ann", "42", 1), nullValue("ann", 2))
	// Output:
	// ann 42
	// ann deleted
}

func ExampleFlatMapValuesRecord() {
	greet := func(r record, emit func(streams.Optional[string]) error) error {
		for word := range strings.FieldsSeq(r.Value) {
			if err := emit(streams.Some(word + ", " + r.Key)); err != nil {
				return err
			}
		}
		return nil
	}
	b := streams.NewBuilder("example")
	streams.FlatMapValuesRecord(streams.From(b, in), greet).To(out)
	play(b, out, rec("ann", "hello bye", 1))
	// Output:
	// ann hello, ann
	// ann bye, ann
}

// A record whose new key is none has a null key. A repartition topic drops those, unless it is told to keep them.
func ExampleSelectKeyRecord() {
	country := func(r record) (streams.Optional[string], error) {
		_, code, ok := strings.Cut(r.Key, "@")
		return streams.Optional[string]{Value: code, OK: ok}, nil
	}
	byCountry := streams.NewRepartition("by-country", serde.String, serde.String).Partitions(4)
	b := streams.NewBuilder("example")
	streams.SelectKeyRecord(streams.From(b, in), country).Repartition(byCountry).To(out)
	play(b, out, rec("ann@nl", "hello", 1), rec("bob", "nowhere", 2))
	// Output: nl hello
}

func ExampleRepartition_KeepNullKeys() {
	nowhere := func(record) (streams.Optional[string], error) { return streams.None[string](), nil }
	anyPartition := streams.NewRepartition("any", serde.String, serde.String).KeepNullKeys()
	b := streams.NewBuilder("example")
	moved := streams.SelectKeyRecord(streams.From(b, in), nowhere).Repartition(anyPartition)
	moved.Peek(func(r record) { fmt.Println("null key:", r.NullKey) }).To(out)
	play(b, streams.NewTopic("unread", serde.String, serde.String), rec("ann", "hello", 1))
	// Output: null key: true
}

func ExampleGroupByRecord() {
	initial := func(r record) (streams.Optional[string], error) {
		return streams.Optional[string]{Value: r.Key[:1], OK: !r.NullKey}, nil
	}
	byInitial := streams.NewRepartition("by-initial", serde.String, serde.String)
	b := streams.NewBuilder("example")
	streams.GroupByRecord(streams.From(b, in), initial, byInitial).Count(tally).ToStream().To(counts)
	play(b, counts, rec("ann", "hello", 1), rec("amy", "hello", 2))
	// Output:
	// a 1
	// a 2
}

// The new key begins with the old one, so records of one new key are in one partition already.
func ExampleStream_MarkAsPartitioned() {
	perWord := func(r record) (streams.Optional[string], error) { return streams.Some(r.Key + ":" + r.Value), nil }
	b := streams.NewBuilder("example")
	words := streams.SelectKeyRecord(streams.From(b, in), perWord).MarkAsPartitioned()
	words.GroupByKey().Count(tally).ToStream().To(counts)
	play(b, counts, rec("ann", "hello", 1), rec("ann", "hello", 2), rec("ann", "bye", 3))
	// Output:
	// ann:hello 1
	// ann:hello 2
	// ann:bye 1
}

// Orders are sent again when a reply is lost. The second copy is left out, and an id that comes back an hour later is
// another order.
func ExampleDeduplicate() {
	passed := state.NewWindow("passed", serde.String, serde.Bool)
	id := func(v string) string { return strings.Fields(v)[0] }
	b := streams.NewBuilder("example")
	streams.Deduplicate(streams.From(b, in), id, 10*time.Minute, passed).To(out)
	play(b, out, rec("ann", "7 tea", 1), rec("ann", "7 tea", 2), rec("ann", "8 jam", 3), rec("ann", "7 gin", 3_600_000))
	// Output:
	// ann 7 tea
	// ann 8 jam
	// ann 7 gin
}

func ExampleDeduplicateRecord() {
	passed := state.NewWindow("passed", serde.String, serde.Bool)
	id := func(r record) (streams.Optional[string], error) {
		for _, h := range r.Headers {
			if h.Key == "id" {
				return streams.Some(string(h.Value)), nil
			}
		}
		return streams.None[string](), nil // passes, as nothing tells whether it has come before
	}
	b := streams.NewBuilder("example")
	streams.DeduplicateRecord(streams.From(b, in), id, time.Minute, passed).To(out)
	again := withHeader(rec("ann", "tea again", 2), "id")
	play(b, out, withHeader(rec("ann", "tea", 1), "id"), again, rec("ann", "jam", 3))
	// Output:
	// ann tea
	// ann jam
}

// Event time is in the data: the first field is seconds.
func ExampleTopic_Timestamp() {
	seconds := func(r record, _ int64) (int64, error) {
		n, err := strconv.ParseInt(strings.Fields(r.Value)[0], 10, 64)
		return n * 1000, err
	}
	b := streams.NewBuilder("example")
	readings := streams.From(b, in.Timestamp(seconds))
	readings.Peek(func(r record) { fmt.Println("at", r.Timestamp) }).To(out)
	play(b, out, rec("ann", "60 21°C", 1))
	// Output:
	// at 60000
	// ann 60 21°C
}

// tailer counts records, and tells of the count before each commit: in memory of its own, which it takes back with a
// record that has failed.
type tailer struct {
	seen, marked int
}

func (p *tailer) Process(*streams.Context[string, string], record) error { p.seen++; return nil }
func (p *tailer) Mark()                                                  { p.marked = p.seen }
func (p *tailer) Undo()                                                  { p.seen = p.marked }

func (p *tailer) BeforeCommit(ctx *streams.Context[string, string]) error {
	text := strconv.Itoa(p.seen) + " records"
	p.seen = 0
	return ctx.Forward(rec("commit", text, 0))
}

var _ interface {
	streams.Remembering
	streams.Committing[*streams.Context[string, string]]
} = (*tailer)(nil)

func ExampleProcess_committing() {
	b := streams.NewBuilder("example")
	tail := streams.Process(streams.From(b, in), func() streams.Processor[string, string, string, string] {
		return &tailer{}
	})
	tail.To(out)
	play(b, out, rec("ann", "hello", 1), rec("bob", "hello", 2)) // the driver commits after each record
	// Output:
	// commit 1 records
	// commit 1 records
}
