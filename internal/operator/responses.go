package operator

import (
	"slices"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/wire"
)

// Responses takes the response topic of a foreign-key join.
func Responses[K, FK, L, R, V any](j ForeignKey[K, FK, L, R, V]) processor[K, wire.Response, K, V] {
	return &responses[K, FK, L, R, V]{ForeignKey: j}
}

type responses[K, FK, L, R, V any] struct {
	ForeignKey[K, FK, L, R, V]
	get     Getter[K, L]
	former  former[L] // nil if rows have always had the same bytes
	scratch []byte
}

// former is a serde that gave values other bytes before: the subscriptions of that time have hashes of these.
type former[L any] interface {
	AppendFormer(dst []byte, v L) ([]byte, error)
}

func (p *responses[K, FK, L, R, V]) Init(ctx *context[K, V]) error {
	p.former, _ = p.LeftValues.(former[L])
	p.get, p.LeftValues = p.Left(ctx), graph.Checked(ctx, p.LeftValues)
	return nil
}

func (p *responses[K, FK, L, R, V]) Process(ctx *context[K, V], r record[K, wire.Response]) error {
	if r.NullKey || r.NullValue {
		reason, _ := missing(r)
		ctx.Drop(reason)
		return nil
	}
	right := r.Value.Value
	if n := len(r.Headers); n > 0 && r.Headers[n-1].Key == wire.EmptyRowHeader {
		r.Headers, right = slices.Clip(r.Headers[:n-1]), []byte{}
	}
	var row optional[L]
	var err error
	if row.Value, _, row.OK, err = p.get(r.Key, Newest); err != nil {
		return err
	}
	row, current, err := p.current(r, row)
	if err != nil || !current {
		return err
	}
	out, err := p.result(r.Key, row, right)
	if err != nil {
		return err
	}
	return ctx.Forward(graph.WithOptional(r, out))
}

// current is the left row to join with an answer; false if the answer to a later one is on its way. A left row that
// points nowhere, which asks only to end what was before it, may have been followed by others that do not ask: then any
// answer takes the result back. In left joins, Alone has made the result already.
func (p *responses[K, FK, L, R, V]) current(r record[K, wire.Response], row optional[L]) (optional[L], bool, error) {
	hash, err := p.hash(row, &p.scratch)
	if err == nil && hash != r.Value.Hash && row.OK && p.former != nil {
		if p.scratch, err = p.former.AppendFormer(some(p.scratch), row.Value); err == nil {
			hash = wire.HashOf(p.scratch)
		}
	}
	if err != nil || hash == r.Value.Hash || p.LeftJoin {
		return row, hash == r.Value.Hash, err
	}
	to, err := p.pointer(r.Key, row)
	return none[L](), !to.OK, err
}

// result joins a left row with a right one as encoded, nil if there is none.
func (p *responses[K, FK, L, R, V]) result(key K, row optional[L], right []byte) (out optional[V], err error) {
	if !row.OK || right == nil && !p.LeftJoin {
		return out, nil
	}
	var other optional[R]
	if right != nil {
		other.OK = true
		if other.Value, err = p.RightValues.Decode(right); err != nil {
			return out, err
		}
	}
	return p.Join(key, row.Value, other)
}
