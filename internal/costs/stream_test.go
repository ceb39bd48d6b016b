package main

import (
	"context"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

type (
	record = streams.Record[int64, event]
	number = streams.Optional[int64]
)

var (
	in     = streams.NewTopic("in", serde.Int64, events)
	other  = streams.NewTopic("other", serde.Int64, events)
	out    = streams.NewTopic("out", serde.Int64, events)
	totals = streams.NewTopic("out", serde.Int64, serde.Int64)

	rows    = state.NewKeyValue("rows", serde.Int64, events)
	others  = state.NewKeyValue("others", serde.Int64, events)
	result  = state.NewKeyValue("result", serde.Int64, events)
	sums    = state.NewKeyValue("sums", serde.Int64, serde.Int64)
	flights = state.NewInFlight("flights", serde.Int64, events)
	byRef   = streams.NewRepartition("by-ref", serde.Int64, events)
)

func noSum() int64                                { return 0 }
func addAmount(_ int64, e event, sum int64) int64 { return sum + e.Amount }

func ref(e event) int64       { return e.Ref }
func even(e event) bool       { return e.Amount&1 == 0 }
func larger(a, b event) event { a.Amount = max(a.Amount, b.Amount); return a }
func sumUp(a, b event) event  { a.Amount += b.Amount; return a }

// evenly is a record a millisecond, the keys in turn.
func evenly(i int64) input {
	return input{topic: "in", key: i * 7919 % keys, value: event{Ref: i % 1000, Amount: i}, at: i}
}

func onStreams() []operation {
	stream := func(name string, build func(s *streams.Stream[int64, event])) operation {
		return operation{name, func(b *streams.Builder) { build(streams.From(b, in)) }, evenly}
	}
	return []operation{
		stream("From, To", func(s *streams.Stream[int64, event]) { s.To(out) }),
		stream("Filter", func(s *streams.Stream[int64, event]) { s.Filter(func(event) bool { return true }).To(out) }),
		stream("Peek", func(s *streams.Stream[int64, event]) { s.Peek(func(record) {}).To(out) }),
		stream("MapValues", func(s *streams.Stream[int64, event]) {
			streams.MapValues(s, func(e event) event { e.Amount++; return e }).To(out)
		}),
		stream("MapAsync, answered at once", func(s *streams.Stream[int64, event]) {
			streams.MapAsync(s, func(_ context.Context, e event) (event, error) { return e, nil }, streams.Calls{},
				flights).To(out)
		}),
		stream("Map", func(s *streams.Stream[int64, event]) {
			streams.Map(s, func(r record) (record, error) { r.Key++; return r, nil }).To(out)
		}),
		stream("SelectKey", func(s *streams.Stream[int64, event]) { streams.SelectKey(s, ref).To(out) }),
		stream("FlatMap, 2 records of each", func(s *streams.Stream[int64, event]) {
			streams.FlatMap(s, func(r record, emit func(record) error) error {
				if err := emit(r); err != nil {
					return err
				}
				r.Key++
				return emit(r)
			}).To(out)
		}),
		stream("Split in 2, Merge", func(s *streams.Stream[int64, event]) {
			branches, rest := s.Split(func(r record) (bool, error) { return even(r.Value), nil })
			rest.Merge(branches...).To(out)
		}),
		stream("Process", func(s *streams.Stream[int64, event]) {
			streams.Process(s, func() streams.Processor[int64, event, int64, event] { return &pass{} }).To(out)
		}),
		stream("Process, a store read and written", func(s *streams.Stream[int64, event]) {
			streams.Process(s, func() streams.Processor[int64, event, int64, event] { return &newest{} }, rows).To(out)
		}),
		stream("ProcessValues", func(s *streams.Stream[int64, event]) {
			streams.ProcessValues(s, func() streams.FixedKeyProcessor[int64, event, event] { return &fixed{} }).To(out)
		}),
		stream("SelectKey, Repartition", func(s *streams.Stream[int64, event]) {
			streams.SelectKey(s, ref).Repartition(byRef).To(out)
		}),
	}
}

// pass hands records on.
type pass struct{}

func (p *pass) Process(ctx *streams.Context[int64, event], r record) error { return ctx.Forward(r) }

// newest keeps the newest record of each key.
type newest struct {
	rows state.KeyValueStore[int64, event]
}

func (p *newest) Init(ctx *streams.Context[int64, event]) error {
	p.rows = rows.In(ctx)
	return nil
}

func (p *newest) Process(ctx *streams.Context[int64, event], r record) error {
	if _, _, err := p.rows.Get(r.Key); err != nil {
		return err
	}
	if err := p.rows.Put(r.Key, r.Value, r.Timestamp); err != nil {
		return err
	}
	return ctx.Forward(r)
}

// fixed hands records on.
type fixed struct{}

func (p *fixed) Process(ctx *streams.FixedKeyContext[int64, event], r streams.FixedKeyRecord[int64, event]) error {
	return ctx.Forward(r)
}
