package conformance

import (
	"fmt"
	"strconv"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

// inGroup builds an aggregation: of a plain group, or of a windowed one.
func (b *build) inGroup(n Node, plain func(*streams.Group[string, string]) *table,
	windowed func(*streams.WindowedGroup[string, string]) *streams.WindowTable[string, string],
) (any, error) {
	switch g := b.nodes[n.In].(type) {
	case *streams.Group[string, string]:
		return plain(g), nil
	case windows:
		return windowed(g.group), nil
	}
	return nil, fmt.Errorf("%s is a %T, not a group", n.In, b.nodes[n.In])
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

func (b *build) count(n Node) (any, error) {
	return b.inGroup(n,
		func(g *streams.Group[string, string]) *table {
			s := state.NewKeyValue(n.Store, serde.String, serde.Int64)
			b.stores[n.Store] = func(r rows) []Row { return r.ofCounts(s) }
			return streams.MapTableValues(g.Count(s), decimal)
		},
		func(g *streams.WindowedGroup[string, string]) *streams.WindowTable[string, string] {
			return streams.MapWindowValues(g.Count(state.NewWindow(n.Store, serde.String, serde.Int64)), decimal)
		})
}

func (b *build) reduce(n Node) (any, error) {
	fn, err := reducer(n.Fn)
	if err != nil {
		return nil, err
	}
	return b.inGroup(n,
		func(g *streams.Group[string, string]) *table { return g.Reduce(b.store(n), fn) },
		func(g *streams.WindowedGroup[string, string]) *streams.WindowTable[string, string] {
			return g.Reduce(b.windowStore(n), fn)
		})
}

func (b *build) windowStore(n Node) state.Window[string, string] {
	return state.NewWindow(n.Store, serde.String, serde.String)
}

func (b *build) aggregate(n Node) (any, error) {
	fn, err := aggregator(n.Fn)
	if err != nil {
		return nil, err
	}
	zero := func() string { return "0" }
	add := func(r record, row string) (streams.Optional[string], error) { return optional(fn(row, r.Value)), nil }
	return b.inGroup(n,
		func(g *streams.Group[string, string]) *table {
			return streams.AggregateRecord(g, b.store(n), zero, add)
		},
		func(g *streams.WindowedGroup[string, string]) *streams.WindowTable[string, string] {
			return streams.AggregateWindowsRecord(g, b.windowStore(n), zero, add)
		})
}

func (b *build) join(n Node) (any, error) {
	t, ok := b.nodes[n.With].(*table)
	if _, onStream := b.nodes[n.In].(keyed); !ok || !onStream || n.GraceMs != nil {
		return nil, &MissingOperator{fmt.Sprintf("%s of %s with %s", n.Op, kindOf(b.nodes[n.In]), kindOf(b.nodes[n.With]))}
	}
	left := n.Op == "leftJoin"
	s, err := b.together(n.In, n.ID, left)
	if err != nil {
		return nil, err
	}
	if left {
		return keyed{stream: streams.LeftJoin(s, t, func(v string, row streams.Optional[string]) string {
			return v + "/" + word(unless(!row.OK, row.Value))
		})}, nil
	}
	return keyed{stream: streams.Join(s, t, func(v, row string) string { return v + "/" + row })}, nil
}

func kindOf(node any) string {
	switch node.(type) {
	case keyed:
		return "stream"
	case *table:
		return "table"
	}
	return "other"
}
