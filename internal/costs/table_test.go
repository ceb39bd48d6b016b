package main

import (
	"time"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

var (
	versions  = state.NewVersioned("versions", serde.Int64, events, time.Minute)
	held      = state.NewSuppress("held", serde.Int64, events)
	byRefRows = streams.NewRepartition("rows-by-ref", serde.Int64, serde.Int64)
)

func onTables() []operation {
	table := func(name string, build func(t *streams.Table[int64, event])) operation {
		return operation{name, func(b *streams.Builder) { build(streams.TableFrom(b, in, rows)) }, evenly}
	}
	return []operation{
		table("TableFrom, ToStream", func(t *streams.Table[int64, event]) { t.ToStream().To(out) }),
		{"ToTable", func(b *streams.Builder) { streams.From(b, in).ToTable(rows).ToStream().To(out) }, evenly},
		{"TableFrom with NewestWins", func(b *streams.Builder) {
			streams.TableFrom(b, in, rows.NewestWins()).ToStream().To(out)
		}, evenly},
		{"VersionedTableFrom", func(b *streams.Builder) {
			streams.VersionedTableFrom(b, in, versions).ToStream().To(out)
		}, evenly},
		{"GlobalTableFrom", func(b *streams.Builder) {
			streams.GlobalTableFrom(b, in, rows)
			streams.From(b, other).To(out)
		}, evenly},
		table("Filter", func(t *streams.Table[int64, event]) { t.Filter(even).ToStream().To(out) }),
		table("TableMapValues", func(t *streams.Table[int64, event]) {
			streams.TableMapValues(t, func(e event) int64 { return e.Amount }).ToStream().To(totals)
		}),
		table("TableMapValues, Materialize", func(t *streams.Table[int64, event]) {
			streams.TableMapValues(t, func(e event) int64 { return e.Amount }).Materialize(sums).ToStream().To(totals)
		}),
		table("TableGroupBy, TableAggregate, with the repartition topic", func(t *streams.Table[int64, event]) {
			g := streams.TableGroupBy(t, func(_ int64, e event) (int64, int64) { return e.Ref, e.Amount }, byRefRows)
			add := func(_, v, sum int64) int64 { return sum + v }
			subtract := func(_, v, sum int64) int64 { return sum - v }
			streams.TableAggregate(g, sums, noSum, add, subtract).ToStream().To(totals)
		}),
		table("Suppress, 2 changes become 1", func(t *streams.Table[int64, event]) {
			t.Suppress(streams.HoldFor(15*time.Second), held).ToStream().To(out)
		}),
	}
}

var foreignKey = streams.NewForeignKey("pointed", serde.Int64, serde.Int64, events, events)

func tableJoins() []operation {
	join := func(name string, join func(l, r *streams.Table[int64, event]) *streams.Table[int64, event]) operation {
		return operation{name, func(b *streams.Builder) {
			join(streams.TableFrom(b, in, rows), streams.TableFrom(b, other, others)).ToStream().To(out)
		}, alternating}
	}
	foreign := func(b *streams.Builder) {
		l, r := streams.TableFrom(b, in, rows), streams.TableFrom(b, other, others)
		pointer := func(_ int64, e event) streams.Optional[int64] { return streams.Some(e.Ref) }
		streams.JoinForeignKey(l, r, foreignKey, result, pointer, sumUp).ToStream().To(out)
	}
	return []operation{
		join("TableJoin", func(l, r *streams.Table[int64, event]) *streams.Table[int64, event] {
			return streams.TableJoin(l, r, sumUp)
		}),
		join("TableLeftJoin", func(l, r *streams.Table[int64, event]) *streams.Table[int64, event] {
			return streams.TableLeftJoin(l, r, func(e event, r streams.Optional[event]) event { return sumUp(e, r.Value) })
		}),
		join("TableOuterJoin", func(l, r *streams.Table[int64, event]) *streams.Table[int64, event] {
			return streams.TableOuterJoin(l, r, func(l, r streams.Optional[event]) event { return sumUp(l.Value, r.Value) })
		}),
		{"JoinForeignKey, a left row changes", foreign, func(i int64) input {
			if i < 10*1000 {
				return input{topic: "other", key: i % 1000, value: event{Amount: i}, at: i}
			}
			return evenly(i)
		}},
		{"JoinForeignKey, a left row points elsewhere", foreign, func(i int64) input {
			in := evenly(i)
			in.value.Ref = i * 31 % 1009
			return in
		}},
		{"JoinForeignKey, a right row with 10 left rows changes", foreign, func(i int64) input {
			if i < keys {
				return evenly(i)
			}
			return input{topic: "other", key: i * 7919 % 1000, value: event{Amount: i}, at: i}
		}},
	}
}
