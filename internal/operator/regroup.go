package operator

import (
	"bytes"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/serde"
)

// Regroup sends the rows of a table to their groups: fn gives the group and the value that a row has there, or a null
// one for a row that is in no group. A change within a group is one record with both sides; a change of group is one
// that takes the row out of the old group, then one that puts it into the new one (Kafka's KTableRepartitionMap). Two
// groups are one if keys gives them the same bytes.
func Regroup[K, V, KR, VR any](
	fn func(record[K, V]) (record[KR, VR], error), keys serde.Serde[KR],
) processor[K, change[V], KR, change[VR]] {
	return &regroup[K, V, KR, VR]{fn: fn, keys: keys}
}

type regroup[K, V, KR, VR any] struct {
	fn   func(record[K, V]) (record[KR, VR], error)
	keys serde.Serde[KR]
	a, b []byte // scratch of same
}

func (g *regroup[K, V, KR, VR]) Init(ctx *context[KR, change[VR]]) error {
	g.keys = graph.Checked(ctx, g.keys)
	return nil
}

func (g *regroup[K, V, KR, VR]) Process(ctx *context[KR, change[VR]], r record[K, change[V]]) error {
	if r.Value.Stale {
		return nil
	}
	old, err := g.member(r, r.Value.Old)
	if err != nil {
		return err
	}
	new, err := g.member(r, r.Value.New)
	if err != nil {
		return err
	}
	if old.OK && new.OK {
		same, err := g.same(old.Value.Key, new.Value.Key)
		if err != nil {
			return err
		}
		if same {
			return g.forward(ctx, r, new.Value.Key, change[VR]{Old: side(old), New: side(new)})
		}
	}
	if old.OK {
		if err := g.forward(ctx, r, old.Value.Key, change[VR]{Old: side(old)}); err != nil {
			return err
		}
	}
	if !new.OK {
		return nil
	}
	return g.forward(ctx, r, new.Value.Key, change[VR]{New: side(new)})
}

func (g *regroup[K, V, KR, VR]) same(a, b KR) (_ bool, err error) {
	if g.a, err = g.keys.Append(g.a[:0], a); err != nil {
		return false, err
	}
	g.b, err = g.keys.Append(g.b[:0], b)
	return bytes.Equal(g.a, g.b), err
}

func side[K, V any](member optional[record[K, V]]) optional[V] {
	return graph.Some(member.Value.Value)
}

// member is the group and value of a row; none if there is no row, or it is in no group.
func (g *regroup[K, V, KR, VR]) member(
	r record[K, change[V]], row optional[V],
) (out optional[record[KR, VR]], err error) {
	if !row.OK {
		return out, nil
	}
	out.Value, err = g.fn(graph.WithValue(r, row.Value))
	out.OK = !out.Value.NullKey && !out.Value.NullValue
	return out, err
}

func (g *regroup[K, V, KR, VR]) forward(
	ctx *context[KR, change[VR]], r record[K, change[V]], key KR, c change[VR],
) error {
	return ctx.Forward(graph.WithValue(graph.WithKey(r, key), c))
}
