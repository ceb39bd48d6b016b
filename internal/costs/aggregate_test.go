package main

import (
	"time"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/window"
)

func aggregates() []operation {
	group := func(name string, build func(g *streams.Group[int64, event])) operation {
		return operation{name, func(b *streams.Builder) { build(streams.From(b, in).GroupByKey()) }, evenly}
	}
	return []operation{
		group("GroupByKey, Count", func(g *streams.Group[int64, event]) { g.Count(sums).ToStream().To(totals) }),
		group("GroupByKey, Reduce", func(g *streams.Group[int64, event]) { g.Reduce(rows, larger).ToStream().To(out) }),
		group("GroupByKey, Aggregate", func(g *streams.Group[int64, event]) {
			streams.Aggregate(g, sums, noSum, addAmount).ToStream().To(totals)
		}),
		{"GroupBy, Count, with the repartition topic", func(b *streams.Builder) {
			streams.GroupBy(streams.From(b, in), ref, byRef).Count(sums).ToStream().To(totals)
		}, evenly},
		{"Cogroup of 2, Aggregate", func(b *streams.Builder) {
			c := streams.NewCogroup(streams.From(b, in).GroupByKey(), noSum, fold)
			streams.CogroupAdd(c, streams.From(b, other).GroupByKey(), fold).Aggregate(sums).ToStream().To(totals)
		}, alternating},
	}
}

func fold(r record, sum int64) (number, error) { return streams.Some(sum + r.Value.Amount), nil }

// alternating is evenly, every second record in the other topic.
func alternating(i int64) input {
	in := evenly(i / 2)
	if in.at = i; i%2 == 1 {
		in.topic = "other"
	}
	return in
}

var (
	windowSums  = state.NewWindow("window-sums", serde.Int64, serde.Int64)
	sessionSums = state.NewSession("session-sums", serde.Int64, serde.Int64)
)

func results(r *streams.WindowResults[int64, int64]) {
	streams.ResultsBy(r, func(k window.Windowed[int64]) int64 { return k.Key }).To(totals)
}

// windowed: each key has a record every 10 seconds.
func windowed() []operation {
	var operations []operation
	for _, w := range []struct {
		name    string
		windows window.Windows
	}{
		{"Tumbling, a minute", window.Tumbling(time.Minute).Grace(10 * time.Second)},
		{"Hopping, 3 windows a record", window.Hopping(time.Minute, 20*time.Second).Grace(10 * time.Second)},
		{"Days", window.Days(time.UTC).Grace(time.Minute)},
		{"Unlimited", window.Unlimited(time.UnixMilli(0))},
		{"Sliding, 30 seconds", window.Sliding(30 * time.Second).Grace(10 * time.Second)},
	} {
		table := func(b *streams.Builder) *streams.WindowTable[int64, int64] {
			grouped := streams.From(b, in).GroupByKey().WindowedBy(w.windows)
			return streams.WindowedAggregate(grouped, windowSums, noSum, addAmount)
		}
		operations = append(operations,
			operation{w.name, func(b *streams.Builder) { results(table(b).Updates()) }, evenly})
		if w.name != "Unlimited" {
			operations = append(operations,
				operation{w.name + ", final", func(b *streams.Builder) { results(table(b).Final()) }, evenly})
		}
	}
	return append(operations, sessions()...)
}

func sessions() []operation {
	table := func(b *streams.Builder) *streams.WindowTable[int64, int64] {
		g := streams.From(b, in).GroupByKey().SessionsBy(window.Sessions(30 * time.Second).Grace(10 * time.Second))
		merge := func(_, a, b int64) int64 { return a + b }
		return streams.SessionAggregate(g, sessionSums, noSum, addAmount, merge)
	}
	return []operation{
		{"Sessions of 10 records", func(b *streams.Builder) { results(table(b).Updates()) }, inBursts},
		{"Sessions of 10 records, final", func(b *streams.Builder) { results(table(b).Final()) }, inBursts},
	}
}

// inBursts is a record a millisecond: a thousand keys have a record each second for 10 seconds, and then none for 90.
func inBursts(i int64) input {
	return input{topic: "in", key: i/keys%10*1000 + i*7919%1000, value: event{Amount: i}, at: i}
}
