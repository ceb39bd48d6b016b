package streams_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
	"github.com/millstream-go/millstream/window"
)

// play builds a topology, sends records to topic in, and prints what comes out of a topic.
func play[V any](b *streams.Builder, output streams.Topic[string, V], records ...record) {
	perform(b, output, send(in, records...))
}

// event is something that happens to an application.
type event func(*testkit.Driver)

// send sends records to a topic.
func send[V any](topic streams.Topic[string, V], records ...streams.Record[string, V]) event {
	return func(d *testkit.Driver) {
		for _, r := range records {
			testkit.Input(d, topic).PipeRecord(r)
		}
	}
}

// wait lets time go by on the wall clock.
func wait(d time.Duration) event {
	return func(driver *testkit.Driver) { driver.AdvanceWallClock(d) }
}

// perform builds a topology, lets events happen, and prints what comes out of a topic.
func perform[V any](b *streams.Builder, output streams.Topic[string, V], events ...event) {
	topo, err := b.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	d, err := testkit.NewDriver(topo)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer d.Close()
	for _, happen := range events {
		happen(d)
	}
	d.Commit()
	for _, r := range testkit.Output(d, output).Read() {
		if r.NullValue {
			fmt.Println(r.Key, "deleted")
		} else {
			fmt.Println(r.Key, r.Value)
		}
	}
}

func ExampleStream_Filter() {
	b := streams.NewBuilder("example")
	streams.From(b, in).Filter(func(v string) bool { return v != "spam" }).To(out)
	play(b, out, rec("ann", "hello", 1), rec("bob", "spam", 2))
	// Output: ann hello
}

func ExampleStream_Peek() {
	b := streams.NewBuilder("example")
	streams.From(b, in).Peek(func(r record) { fmt.Println("seen:", r.Value) }).To(out)
	play(b, out, rec("ann", "hello", 1))
	// Output:
	// seen: hello
	// ann hello
}

func ExampleStream_Merge() {
	b := streams.NewBuilder("example")
	s := streams.From(b, in)
	loud := streams.MapValues(s, strings.ToUpper)
	s.Merge(loud).Filter(func(v string) bool { return v == "HELLO" }).To(out)
	play(b, out, rec("ann", "hello", 1))
	// Output: ann HELLO
}

func ExampleStream_Split() {
	short := func(r record) (bool, error) { return len(r.Value) < 3, nil }
	b := streams.NewBuilder("example")
	branches, rest := streams.From(b, in).Split(short)
	streams.MapValues(branches[0], func(v string) string { return v + " is short" }).To(out)
	streams.MapValues(rest, func(v string) string { return v + " is not" }).To(out)
	play(b, out, rec("ann", "hi", 1), rec("bob", "hello", 2))
	// Output:
	// ann hi is short
	// bob hello is not
}

func ExampleMapValues() {
	b := streams.NewBuilder("example")
	lengths := streams.MapValues(streams.From(b, in), func(v string) int64 { return int64(len(v)) })
	lengths.To(counts)
	play(b, counts, rec("ann", "hello", 1))
	// Output: ann 5
}

func ExampleMap() {
	b := streams.NewBuilder("example")
	swapped := streams.Map(streams.From(b, in), func(r record) (record, error) {
		return record{Key: r.Value, Value: r.Key, NullKey: r.NullValue, NullValue: r.NullKey}, nil
	})
	swapped.To(out)
	play(b, out, rec("ann", "hello", 1))
	// Output: hello ann
}

func ExampleFlatMapValues() {
	b := streams.NewBuilder("example")
	streams.FlatMapValues(streams.From(b, in), strings.Fields).To(out)
	play(b, out, rec("ann", "hello world", 1))
	// Output:
	// ann hello
	// ann world
}

func ExampleFlatMap() {
	b := streams.NewBuilder("example")
	words := streams.FlatMap(streams.From(b, in), func(r record, emit func(record) error) error {
		for _, w := range strings.Fields(r.Value) {
			if err := emit(record{Key: w, Value: r.Key, NullValue: r.NullKey}); err != nil {
				return err
			}
		}
		return nil
	})
	words.To(out)
	play(b, out, rec("ann", "hello world", 1))
	// Output:
	// hello ann
	// world ann
}

func ExampleSelectKey() {
	byWord := streams.NewRepartition("by-word", serde.String, serde.String)
	b := streams.NewBuilder("example")
	words := streams.SelectKey(streams.From(b, in), func(v string) string { return v })
	words.Repartition(byWord).GroupByKey().Count(tally).ToStream().To(counts)
	play(b, counts, rec("ann", "hello", 1), rec("bob", "hello", 2))
	// Output:
	// hello 1
	// hello 2
}

func ExampleGroupBy() {
	byWord := streams.NewRepartition("by-word", serde.String, serde.String)
	b := streams.NewBuilder("example")
	words := streams.GroupBy(streams.From(b, in), func(v string) string { return v }, byWord)
	words.Count(tally).ToStream().To(counts)
	play(b, counts, rec("ann", "hello", 1), rec("bob", "hello", 2))
	// Output:
	// hello 1
	// hello 2
}

func ExampleGroup_Reduce() {
	b := streams.NewBuilder("example")
	longest := func(row, v string) string {
		if len(v) > len(row) {
			return v
		}
		return row
	}
	streams.From(b, in).GroupByKey().Reduce(rows, longest).ToStream().To(out)
	play(b, out, rec("ann", "hi", 1), rec("ann", "hello", 2), rec("ann", "hey", 3))
	// Output:
	// ann hi
	// ann hello
	// ann hello
}

func ExampleAggregate() {
	letters := func() int64 { return 0 }
	add := func(_, v string, sum int64) int64 { return sum + int64(len(v)) }
	b := streams.NewBuilder("example")
	streams.Aggregate(streams.From(b, in).GroupByKey(), tally, letters, add).ToStream().To(counts)
	play(b, counts, rec("ann", "hi", 1), rec("ann", "hello", 2))
	// Output:
	// ann 2
	// ann 7
}

// Final results come once for each window. Here the second minute stays open: no later record has come.
func ExampleWindowTable_Final() {
	perMinute := state.NewWindow("per-minute", serde.String, serde.Int64)
	minute := func(w window.Windowed[string]) string {
		return w.Key + " at " + time.UnixMilli(w.Window.Start).UTC().Format("15:04")
	}
	b := streams.NewBuilder("example")
	words := streams.From(b, in).GroupByKey().WindowedBy(window.Tumbling(time.Minute)).Count(perMinute)
	streams.ResultsBy(words.Final(), minute).To(counts)
	play(b, counts, rec("ann", "hi", 1_000), rec("ann", "hello", 2_000), rec("ann", "bye", 61_000))
	// Output: ann at 00:00 2
}

func ExampleWindowTable_Updates() {
	perMinute := state.NewWindow("per-minute", serde.String, serde.Int64)
	b := streams.NewBuilder("example")
	words := streams.From(b, in).GroupByKey().WindowedBy(window.Tumbling(time.Minute)).Count(perMinute)
	streams.ResultsBy(words.Updates(), windowText).To(counts)
	play(b, counts, rec("ann", "hi", 1_000), rec("ann", "hello", 2_000), rec("ann", "bye", 61_000))
	// Output:
	// ann@[0,60000) 1
	// ann@[0,60000) 2
	// ann@[60000,120000) 1
}

func ExampleTable_Filter() {
	b := streams.NewBuilder("example")
	online := streams.TableFrom(b, in, rows).Filter(func(v string) bool { return v == "online" })
	online.ToStream().To(out)
	play(b, out, rec("ann", "online", 1), rec("bob", "away", 2), rec("ann", "away", 3))
	// Output:
	// ann online
	// ann deleted
}

func ExampleTableMapValues() {
	b := streams.NewBuilder("example")
	streams.TableMapValues(streams.TableFrom(b, in, rows), strings.ToUpper).ToStream().To(out)
	play(b, out, rec("ann", "online", 1))
	// Output: ann ONLINE
}

// A stream joins with the table as it is when the record comes: here with the last value of the same topic.
func ExampleJoin() {
	b := streams.NewBuilder("example")
	latest := streams.TableFrom(b, in, rows)
	streams.Join(streams.From(b, in), latest, func(v, row string) string { return v + " meets " + row }).To(out)
	play(b, out, rec("ann", "hello", 1))
	// Output: ann hello meets hello
}

func ExampleLeftJoin() {
	b := streams.NewBuilder("example")
	names := streams.TableFrom(b, other, rows)
	greeting := func(v string, name streams.Optional[string]) string {
		if !name.OK {
			return v + ", stranger"
		}
		return v + ", " + name.Value
	}
	streams.LeftJoin(streams.From(b, in), names, greeting).To(out)
	play(b, out, rec("ann", "hello", 1))
	// Output: ann hello, stranger
}

// onlyNew passes values that differ from the last one of their key.
type onlyNew struct {
	last state.KeyValueStore[string, string]
}

func (p *onlyNew) Init(ctx *streams.Context[string, string]) error {
	p.last = rows.In(ctx)
	return nil
}

func (p *onlyNew) Process(ctx *streams.Context[string, string], r record) error {
	last, ok, err := p.last.Get(r.Key)
	if err != nil || ok && last == r.Value {
		return err
	}
	if err := p.last.Put(r.Key, r.Value, r.Timestamp); err != nil {
		return err
	}
	return ctx.Forward(r)
}

func ExampleProcess() {
	b := streams.NewBuilder("example")
	changed := streams.Process(streams.From(b, in), func() streams.Processor[string, string, string, string] {
		return &onlyNew{}
	}, rows)
	changed.To(out)
	play(b, out, rec("ann", "hi", 1), rec("ann", "hi", 2), rec("ann", "bye", 3))
	// Output:
	// ann hi
	// ann bye
}

// stamp appends the event time to each value.
type stamp struct{}

func (p *stamp) Process(
	ctx *streams.FixedKeyContext[string, string], r streams.FixedKeyRecord[string, string],
) error {
	text := fmt.Sprintf("%s at %d", r.Record().Value, r.Record().Timestamp)
	return ctx.Forward(streams.FixedKeyValue(r, streams.Some(text)))
}

func ExampleProcessValues() {
	b := streams.NewBuilder("example")
	stamped := streams.ProcessValues(streams.From(b, in), func() streams.FixedKeyProcessor[string, string, string] {
		return &stamp{}
	})
	stamped.To(out)
	play(b, out, rec("ann", "hi", 7))
	// Output: ann hi at 7
}

// A processor that keeps nothing between records is a function.
func ExampleProcessFunc() {
	b := streams.NewBuilder("example")
	words := streams.Process(streams.From(b, in),
		streams.ProcessFunc(func(ctx *streams.Context[string, string], r record) error {
			for word := range strings.FieldsSeq(r.Value) {
				if err := ctx.Forward(streams.WithKey(r, word)); err != nil {
					return err
				}
			}
			return nil
		}))
	words.To(out)
	play(b, out, rec("ann", "good day", 1))
	// Output:
	// good good day
	// day good day
}

func ExampleProcessValuesFunc() {
	b := streams.NewBuilder("example")
	numbered := streams.ProcessValues(streams.From(b, in), streams.ProcessValuesFunc(
		func(ctx *streams.FixedKeyContext[string, string], r streams.FixedKeyRecord[string, string]) error {
			_, _, offset, _ := ctx.Source()
			text := fmt.Sprintf("%d: %s", offset, r.Record().Value)
			return ctx.Forward(streams.FixedKeyValue(r, streams.Some(text)))
		}))
	numbered.To(out)
	play(b, out, rec("ann", "hi", 1), rec("bob", "hello", 2))
	// Output:
	// ann 0: hi
	// bob 1: hello
}

// lengthOf is an output for the lengths of long texts.
var lengthOf = streams.NewOutput[string, int64]("length")

// A processor with two outputs: short texts go on, the lengths of long ones to an output of their own.
func ExampleSideOutput() {
	b := streams.NewBuilder("example")
	texts := streams.Process(streams.From(b, in),
		streams.ProcessFunc(func(ctx *streams.Context[string, string], r record) error {
			if len(r.Value) > 5 {
				return lengthOf.Forward(ctx, streams.WithValue(r, int64(len(r.Value))))
			}
			return ctx.Forward(r)
		}))
	lengths := streams.SideOutput(texts, lengthOf)
	long := streams.MapValues(lengths, func(n int64) string { return fmt.Sprint("too long: ", n) })
	texts.Merge(long).To(out)
	play(b, out, rec("ann", "hi", 1), rec("bob", "good morning", 2))
	// Output:
	// ann hi
	// bob too long: 12
}
