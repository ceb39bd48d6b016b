package conformance

import (
	"fmt"
	"strings"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/window"
)

var kinds = map[string]streams.JoinKind{"join": streams.Inner, "leftJoin": streams.Left, "outerJoin": streams.Outer}

func (b *build) join(n Node) (any, error) {
	_, leftStream := b.nodes[n.In].(keyed)
	_, rightStream := b.nodes[n.With].(keyed)
	left, leftTable := b.nodes[n.In].(*table)
	right, rightTable := b.nodes[n.With].(*table)
	global, isGlobal := b.nodes[n.With].(*streams.GlobalTable[string, string])
	switch {
	case leftStream && isGlobal:
		return b.joinGlobal(n, global)
	case leftStream && rightStream && n.Window != nil:
		return b.joinStreams(n)
	case leftStream && rightTable:
		return b.joinTable(n, right)
	case leftTable && rightTable:
		t := streams.TableJoinRecord(left, right, kinds[n.Op],
			func(_ string, l, r streams.Optional[string]) (streams.Optional[string], error) {
				return pair(l, r), nil
			})
		return b.materialized(t, n), nil
	}
	return nil, &UnknownOperator{fmt.Sprintf("%s of %T with %T", n.Op, b.nodes[n.In], b.nodes[n.With])}
}

// pair is the result of two sides.
func pair(l, r streams.Optional[string]) streams.Optional[string] {
	return streams.Some(word(unless(!l.OK, l.Value)) + "/" + word(unless(!r.OK, r.Value)))
}

func (b *build) joinStreams(n Node) (any, error) {
	kind := kinds[n.Op]
	left, err := b.together(n.In, n.ID+"-left", kind != streams.Inner)
	if err != nil {
		return nil, err
	}
	right := left
	if n.With != n.In {
		if right, err = b.together(n.With, n.ID+"-right", kind == streams.Outer); err != nil {
			return nil, err
		}
	}
	w := window.Between(ms(n.Window.BeforeMs), ms(n.Window.AfterMs)).Grace(ms(n.Window.GraceMs))
	stores := placed(b, n.ID, state.NewJoin(n.ID, serde.String, serde.String, serde.String))
	return keyed{stream: streams.JoinStreamsRecord(left, right, kind, w, stores,
		func(_, l, r streams.Optional[string]) (streams.Optional[string], error) { return pair(l, r), nil })}, nil
}

func (b *build) joinTable(n Node, t *table) (any, error) {
	left := n.Op == "leftJoin"
	s, err := b.together(n.In, n.ID, left)
	if err != nil {
		return nil, err
	}
	join := func(r record, row streams.Optional[string]) (streams.Optional[string], error) {
		return pair(streams.Some(r.Value), row), nil
	}
	if n.GraceMs != nil {
		buffer := placed(b, n.ID, state.NewBuffer(n.ID, serde.String, serde.String))
		return keyed{stream: streams.JoinWithGrace(s, t, kinds[n.Op], ms(*n.GraceMs), buffer, join)}, nil
	}
	return keyed{stream: streams.JoinRecord(s, t, kinds[n.Op], join)}, nil
}

func (b *build) joinGlobal(n Node, t *streams.GlobalTable[string, string]) (any, error) {
	s, err := b.stream(n.In)
	if err != nil {
		return nil, err
	}
	fn, err := keyFunction(n.Fn)
	if err != nil {
		return nil, err
	}
	out := streams.JoinGlobalRecord(s.stream, t, kinds[n.Op], optionalKey(fn),
		func(r record, _, row streams.Optional[string]) (streams.Optional[string], error) {
			return pair(streams.Some(r.Value), row), nil
		})
	return keyed{out, s.rekeyed}, nil
}

func (b *build) joinForeignKey(n Node) (any, error) {
	left, ok1 := b.nodes[n.In].(*table)
	right, ok2 := b.nodes[n.With].(*table)
	if !ok1 || !ok2 {
		return nil, fmt.Errorf("%s and %s are a %T and a %T, not tables", n.In, n.With, b.nodes[n.In], b.nodes[n.With])
	}
	kind := streams.Inner
	if n.Op == "fkLeftJoin" {
		kind = streams.Left
	}
	via := placed(b, n.ID, streams.NewForeignKey(n.ID, serde.String, serde.String, serde.String, serde.String))
	return streams.JoinForeignKeyRecord(left, right, via, b.store(n), kind, foreignKey,
		func(_, l string, r streams.Optional[string]) (streams.Optional[string], error) {
			return pair(streams.Some(l), r), nil
		}), nil
}

// foreignKey is what a value has before its first colon.
func foreignKey(_, v string) streams.Optional[string] {
	key, _, ok := strings.Cut(v, ":")
	return streams.Optional[string]{Value: key, OK: ok}
}
