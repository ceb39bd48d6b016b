package streams_test

import (
	"fmt"
	"time"
	_ "time/tzdata" // zones for machines that have none

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/window"
)

var perWindow = state.NewWindow("per-window", serde.String, serde.Int64)

// at is a time of day of the first day, in milliseconds.
func at(hour, minute, second int) int64 {
	return time.Date(1970, 1, 1, hour, minute, second, 0, time.UTC).UnixMilli()
}

// hours is key 12:00-13:00.
func hours(w window.Windowed[string]) string {
	start, end := time.UnixMilli(w.Window.Start).UTC(), time.UnixMilli(w.Window.End).UTC()
	return w.Key + " " + start.Format("15:04") + "-" + end.Format("15:04")
}

func ExampleGroup_WindowedBy_hopping() {
	b := streams.NewBuilder("example")
	clicks := streams.From(b, in).GroupByKey().WindowedBy(window.Hopping(time.Hour, 30*time.Minute))
	streams.ResultsBy(clicks.Count(perWindow).Final(), hours).To(counts)
	play(b, counts, rec("ann", "click", at(1, 10, 0)), rec("ann", "click", at(1, 40, 0)), rec("ann", "click", at(3, 0, 0)))
	// Output:
	// ann 00:30-01:30 1
	// ann 01:00-02:00 2
	// ann 01:30-02:30 1
}

// The busiest minute of each visitor: the counts of minutes stay under the visitor's key, so the second aggregation needs
// no repartition topic.
func ExampleWindowResults_ByKey() {
	b := streams.NewBuilder("example")
	minutes := streams.From(b, in).GroupByKey().WindowedBy(window.Tumbling(time.Minute)).Count(perWindow)
	busiest := minutes.Final().ByKey().GroupByKey().Reduce(tally, func(most, n int64) int64 { return max(most, n) })
	busiest.ToStream().To(counts)
	play(b, counts, rec("ann", "click", at(0, 0, 1)), rec("ann", "click", at(0, 0, 2)), rec("ann", "click", at(0, 1, 0)),
		rec("ann", "click", at(0, 2, 0)))
	// Output:
	// ann 2
	// ann 2
}

// A sliding window is every span of its length that holds other records: three clicks within ten seconds are found
// wherever they begin.
func ExampleGroup_WindowedBy_sliding() {
	b := streams.NewBuilder("example")
	clicks := streams.From(b, in).GroupByKey().WindowedBy(window.Sliding(10 * time.Second))
	bursts := clicks.Count(perWindow).Filter(func(n int64) bool { return n >= 3 })
	streams.ResultsBy(bursts.Final(), windowText).To(counts)
	play(b, counts, rec("ann", "click", 8_000), rec("ann", "click", 11_000), rec("ann", "click", 17_000),
		rec("ann", "click", 60_000))
	// Output: ann@[7000,17000] 3
}

// Days begin at midnight in a zone. In Amsterdam, 29 March 2026 has 23 hours.
func ExampleGroup_WindowedBy_days() {
	amsterdam, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		fmt.Println(err)
		return
	}
	day := func(w window.Windowed[string]) string {
		start, end := time.UnixMilli(w.Window.Start), time.UnixMilli(w.Window.End)
		return fmt.Sprintf("%s %s (%v)", w.Key, start.In(amsterdam).Format(time.DateOnly), end.Sub(start))
	}
	noon := func(day int) int64 { return time.Date(2026, 3, day, 12, 0, 0, 0, amsterdam).UnixMilli() }
	b := streams.NewBuilder("example")
	clicks := streams.From(b, in).GroupByKey().WindowedBy(window.Days(amsterdam))
	streams.ResultsBy(clicks.Count(perWindow).Final(), day).To(counts)
	play(b, counts, rec("ann", "click", noon(28)), rec("ann", "click", noon(29)), rec("ann", "click", noon(30)))
	// Output:
	// ann 2026-03-28 (24h0m0s) 1
	// ann 2026-03-29 (23h0m0s) 1
}

// An unlimited window begins at a time and never closes. What is before it is late.
func ExampleGroup_WindowedBy_unlimited() {
	b := streams.NewBuilder("example")
	clicks := streams.From(b, in).GroupByKey().WindowedBy(window.Unlimited(time.UnixMilli(at(9, 0, 0))))
	since := func(w window.Windowed[string]) string {
		return w.Key + " since " + time.UnixMilli(w.Window.Start).UTC().Format("15:04")
	}
	streams.ResultsBy(clicks.Count(perWindow).Updates(), since).To(counts)
	play(b, counts, rec("ann", "click", at(8, 59, 0)), rec("ann", "click", at(9, 0, 0)), rec("ann", "click", at(17, 0, 0)))
	// Output:
	// ann since 09:00 1
	// ann since 09:00 2
}

func ExampleWindowedGroup_Reduce() {
	b := streams.NewBuilder("example")
	pages := streams.From(b, in).GroupByKey().WindowedBy(window.Tumbling(time.Hour))
	paths := pages.Reduce(texts, func(row, page string) string { return row + " > " + page })
	streams.ResultsBy(paths.Final(), hours).To(out)
	play(b, out, rec("ann", "home", at(1, 5, 0)), rec("ann", "shop", at(1, 6, 0)), rec("ann", "home", at(2, 0, 0)))
	// Output: ann 01:00-02:00 home > shop
}

func ExampleWindowedGroup_ReduceRecord() {
	forget := func(r record, row string) (streams.Optional[string], error) {
		return streams.Optional[string]{Value: row + " > " + r.Value, OK: r.Value != "forget"}, nil
	}
	b := streams.NewBuilder("example")
	pages := streams.From(b, in).GroupByKey().WindowedBy(window.Tumbling(time.Hour))
	streams.ResultsBy(pages.ReduceRecord(texts, forget).Updates(), hours).To(out)
	play(b, out, rec("ann", "home", at(1, 5, 0)), rec("ann", "forget", at(1, 6, 0)))
	// Output:
	// ann 01:00-02:00 home
	// ann 01:00-02:00 deleted
}

func ExampleWindowedAggregate() {
	add := func(_, page string, letters int64) int64 { return letters + int64(len(page)) }
	b := streams.NewBuilder("example")
	pages := streams.From(b, in).GroupByKey().WindowedBy(window.Tumbling(time.Hour))
	letters := streams.WindowedAggregate(pages, perWindow, func() int64 { return 0 }, add)
	streams.ResultsBy(letters.Final(), hours).To(counts)
	play(b, counts, rec("ann", "home", at(1, 5, 0)), rec("ann", "shop", at(1, 6, 0)), rec("ann", "home", at(2, 0, 0)))
	// Output: ann 01:00-02:00 8
}

func ExampleWindowedAggregateRecord() {
	newest := func(r record, row int64) (streams.Optional[int64], error) {
		return streams.Some(max(row, r.Timestamp)), nil
	}
	b := streams.NewBuilder("example")
	pages := streams.From(b, in).GroupByKey().WindowedBy(window.Tumbling(time.Second))
	latest := streams.WindowedAggregateRecord(pages, perWindow, func() int64 { return 0 }, newest)
	streams.ResultsBy(latest.Final(), windowText).To(counts)
	play(b, counts, rec("ann", "home", 900), rec("ann", "shop", 300), rec("ann", "home", 1_000))
	// Output: ann@[0,1000) 900
}

// clicksPerHour counts topic in.
func clicksPerHour(b *streams.Builder) *streams.WindowTable[string, int64] {
	return streams.From(b, in).GroupByKey().WindowedBy(window.Tumbling(time.Hour)).Count(perWindow)
}

// threeHours is two clicks in the first hour, one in the second, and one that closes both.
var threeHours = []record{
	rec("ann", "click", at(0, 1, 0)), rec("ann", "click", at(0, 2, 0)), rec("ann", "click", at(1, 1, 0)),
	rec("ann", "click", at(2, 0, 0)),
}

func ExampleWindowedMapValues() {
	b := streams.NewBuilder("example")
	text := streams.WindowedMapValues(clicksPerHour(b), func(n int64) string { return fmt.Sprint(n, " clicks") })
	streams.ResultsBy(text.Final(), hours).To(out)
	play(b, out, threeHours...)
	// Output:
	// ann 00:00-01:00 2 clicks
	// ann 01:00-02:00 1 clicks
}

func ExampleWindowedMapValuesRecord() {
	perMinute := func(r streams.Record[window.Windowed[string], int64]) (streams.Optional[string], error) {
		minutes := (r.Key.Window.End - r.Key.Window.Start) / 60_000
		return streams.Some(fmt.Sprintf("%.3f a minute", float64(r.Value)/float64(minutes))), nil
	}
	b := streams.NewBuilder("example")
	streams.ResultsBy(streams.WindowedMapValuesRecord(clicksPerHour(b), perMinute).Final(), hours).To(out)
	play(b, out, threeHours...)
	// Output:
	// ann 00:00-01:00 0.033 a minute
	// ann 01:00-02:00 0.017 a minute
}

func ExampleWindowTable_Filter() {
	b := streams.NewBuilder("example")
	busy := clicksPerHour(b).Filter(func(n int64) bool { return n > 1 })
	streams.ResultsBy(busy.Final(), hours).To(counts)
	play(b, counts, threeHours...)
	// Output: ann 00:00-01:00 2
}

func ExampleWindowTable_FilterNot() {
	b := streams.NewBuilder("example")
	quiet := clicksPerHour(b).FilterNot(func(n int64) bool { return n > 1 })
	streams.ResultsBy(quiet.Final(), hours).To(counts)
	play(b, counts, threeHours...)
	// Output: ann 01:00-02:00 1
}

func ExampleWindowTable_FilterRecord() {
	afterOne := func(r streams.Record[window.Windowed[string], int64]) (bool, error) {
		return r.Key.Window.Start >= at(1, 0, 0), nil
	}
	b := streams.NewBuilder("example")
	streams.ResultsBy(clicksPerHour(b).FilterRecord(afterOne).Final(), hours).To(counts)
	play(b, counts, threeHours...)
	// Output: ann 01:00-02:00 1
}

func ExampleResultsByRecord() {
	type result = streams.Record[window.Windowed[string], int64]
	perWindowStart := func(r result) (streams.Record[string, int64], error) {
		start := time.UnixMilli(r.Key.Window.Start).UTC().Format("15:04")
		return streams.Record[string, int64]{Key: start, Value: r.Value}, nil
	}
	b := streams.NewBuilder("example")
	streams.ResultsByRecord(clicksPerHour(b).Final(), perWindowStart).To(counts)
	play(b, counts, threeHours...)
	// Output:
	// 00:00 2
	// 01:00 1
}

// Topics with windowed keys have the bytes of Kafka Streams.
func ExampleWindowedResults() {
	hour := window.Tumbling(time.Hour)
	hourly := streams.NewTopic("hourly", window.TimeKey(serde.String, hour), serde.Int64)
	b := streams.NewBuilder("example")
	results := streams.WindowedResults(clicksPerHour(b).Final())
	results.Peek(func(r streams.Record[window.Windowed[string], int64]) {
		fmt.Println(hours(r.Key), r.Value)
	}).To(hourly)
	play(b, out, threeHours...)
	// Output:
	// ann 00:00-01:00 2
	// ann 01:00-02:00 1
}

// No record follows that would close the window: a minute of silence does.
func ExampleWindowTable_FinalIdle() {
	b := streams.NewBuilder("example")
	words := streams.From(b, in).GroupByKey().WindowedBy(window.Tumbling(time.Second)).Count(perWindow)
	streams.ResultsBy(words.FinalIdle(time.Minute), windowText).To(counts)
	perform(b, counts, send(in, rec("ann", "hi", 100), rec("ann", "hello", 200)), wait(2*time.Minute))
	// Output: ann@[0,1000) 2
}

// Late records go to a topic of their own instead of being lost.
func ExampleLate() {
	b := streams.NewBuilder("example")
	clicks := streams.From(b, in).GroupByKey().WindowedBy(window.Tumbling(time.Minute)).Count(perWindow)
	streams.ResultsBy(clicks.Final(), windowText).To(textlessCounts)
	streams.Late[string](clicks).To(out) // from Go 1.27 on clicks.Late[string]().To(out)
	play(b, out, rec("ann", "click", 1_000), rec("ann", "click", 70_000), rec("ann", "too late", 2_000))
	// Output: ann too late
}

// Of the updates of a window only the last of each commit goes on. The driver commits after each record.
func ExampleWindowedPerCommit() {
	b := streams.NewBuilder("example")
	streams.ResultsBy(streams.WindowedPerCommit(clicksPerHour(b)), hours).To(counts)
	play(b, counts, rec("ann", "click", 1), rec("ann", "click", 2))
	// Output:
	// ann 00:00-01:00 1
	// ann 00:00-01:00 2
}

// As a table, the rows of windows can be joined: here clicks with purchases of the same hour.
func ExampleTableOf() {
	bought := state.NewWindow("bought", serde.String, serde.Int64)
	b := streams.NewBuilder("example")
	sales := streams.From(b, other).GroupByKey().WindowedBy(window.Tumbling(time.Hour)).Count(bought)
	rates := streams.TableJoin(streams.TableOf(clicksPerHour(b)), streams.TableOf(sales),
		func(clicks, sales int64) string { return fmt.Sprintf("%d of %d", sales, clicks) })
	named := func(r streams.Record[window.Windowed[string], string]) (streams.Optional[string], error) {
		return streams.Some(hours(r.Key)), nil
	}
	streams.ToStreamKey(rates, named).To(out)
	perform(b, out, send(in, rec("ann", "tea", at(0, 1, 0)), rec("ann", "jam", at(0, 2, 0))),
		send(other, rec("ann", "tea", at(0, 3, 0))))
	// Output: ann 00:00-01:00 1 of 2
}
