package conformance

import (
	"fmt"
	"strconv"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

// grouped builds an aggregation: of a group, a windowed one, one by sessions, or one of a table's rows.
type grouped struct {
	plain    func(*group) *table
	windowed func(*windowed) *windowTable
	sessions func(*sessions) *windowTable
	table    func(*tableGroup) *table
}

func (b *build) inGroup(n Node, of grouped) (any, error) {
	switch g := b.nodes[n.In].(type) {
	case *group:
		return of.plain(g), nil
	case *windowed:
		return of.windowed(g), nil
	case *sessions:
		return of.sessions(g), nil
	case *tableGroup:
		return of.table(g), nil
	}
	return nil, fmt.Errorf("%s is a %T, not a group", n.In, b.nodes[n.In])
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

func (b *build) count(n Node) (any, error) {
	store := placed(b, n.Store, state.NewKeyValue(n.Store, serde.String, serde.Int64))
	show := func(t *streams.Table[string, int64]) *table {
		b.stores[n.Store] = func(r rows) []Row { return r.ofCounts(store) }
		return streams.TableMapValues(t, decimal)
	}
	return b.inGroup(n, grouped{
		plain: func(g *group) *table { return show(g.Count(store)) },
		table: func(g *tableGroup) *table { return show(g.Count(store)) },
		windowed: func(g *windowed) *windowTable {
			store := placed(b, n.Store, state.NewWindow(n.Store, serde.String, serde.Int64))
			b.others[n.Store] = func(r rows) []Row { return windowRows(r, store, decimal) }
			return streams.WindowedMapValues(g.Count(store), decimal)
		},
		sessions: func(g *sessions) *windowTable {
			store := placed(b, n.Store, state.NewSession(n.Store, serde.String, serde.Int64))
			b.others[n.Store] = func(r rows) []Row { return sessionRows(r, store, decimal) }
			return streams.WindowedMapValues(g.Count(store), decimal)
		},
	})
}

func (b *build) reduce(n Node) (any, error) {
	fn, err := reducer(n.Fn)
	if err != nil {
		return nil, err
	}
	return b.inGroup(n, grouped{
		plain:    func(g *group) *table { return g.Reduce(b.store(n), fn) },
		table:    func(g *tableGroup) *table { return g.Reduce(b.store(n), fn, minus) },
		windowed: func(g *windowed) *windowTable { return g.Reduce(b.windowStore(n), fn) },
		sessions: func(g *sessions) *windowTable { return g.Reduce(b.sessionStore(n), fn) },
	})
}

func minus(row, v string) string { return row + "-" + v }

func (b *build) windowStore(n Node) state.Window[string, string] {
	s := placed(b, n.Store, state.NewWindow(n.Store, serde.String, serde.String))
	b.others[n.Store] = func(r rows) []Row { return windowRows(r, s, same) }
	return s
}

func (b *build) sessionStore(n Node) state.Session[string, string] {
	s := placed(b, n.Store, state.NewSession(n.Store, serde.String, serde.String))
	b.others[n.Store] = func(r rows) []Row { return sessionRows(r, s, same) }
	return s
}

func zero() string { return "0" }

// folding makes a function of rows one of records.
func folding(fn func(row, v string) *string) func(r record, row string) (streams.Optional[string], error) {
	return func(r record, row string) (streams.Optional[string], error) { return optional(fn(row, r.Value)), nil }
}

func (b *build) aggregate(n Node) (any, error) {
	fn, err := aggregator(n.Fn)
	if err != nil {
		return nil, err
	}
	add, subtract := folding(fn), folding(subtractor(n.Fn))
	merge := merger(n.Fn)
	return b.inGroup(n, grouped{
		plain: func(g *group) *table { return streams.AggregateRecord(g, b.store(n), zero, add) },
		table: func(g *tableGroup) *table {
			return streams.TableAggregateRecord(g, b.store(n), zero, add, subtract)
		},
		windowed: func(g *windowed) *windowTable {
			return streams.WindowedAggregateRecord(g, b.windowStore(n), zero, add)
		},
		sessions: func(g *sessions) *windowTable {
			return streams.SessionAggregateRecord(g, b.sessionStore(n), zero, add, merge)
		},
	})
}

func (b *build) cogroup(n Node) (any, error) {
	var c *streams.Cogroup[string, string]
	for i, id := range n.Ins {
		g, ok := b.nodes[id].(*group)
		if !ok {
			return nil, fmt.Errorf("%s is a %T, not a group", id, b.nodes[id])
		}
		add := folding(func(row, v string) *string { return text(fmt.Sprintf("%s#%d:%s", row, i, v)) })
		if c == nil {
			c = streams.NewCogroup(g, zero, add)
		} else {
			c = streams.CogroupAdd(c, g, add)
		}
	}
	switch {
	case n.Window == nil:
		return c.Aggregate(b.store(n)), nil
	case n.Window.Kind == "session":
		return c.AggregateSessions(sessionWindows(n.Window), b.sessionStore(n), merger("")), nil
	}
	w, err := windows(n.Window)
	if err != nil {
		return nil, err
	}
	return c.AggregateWindows(w, b.windowStore(n)), nil
}
