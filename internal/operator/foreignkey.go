package operator

import (
	"bytes"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/wire"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
)

// ForeignKey describes a join of two tables in which the value of a left row names the right row. The tables are
// partitioned by different keys, so rows travel:
//
//   - Subscribe, beside the left table, tells the right side which left row points where, through the registration
//     topic, partitioned by foreign key;
//   - Subscriptions, beside the right table, remembers that, and answers with the right row, through the response
//     topic, to the partition of the left row; RightChanges answers to all who point at a row that changes;
//   - Responses, beside the left table again, makes the result, unless the left row has changed since: its hash has
//     travelled along, and the answer to the change is on its way. A row that points nowhere by then has asked nothing:
//     any answer takes its result back;
//   - Alone makes the results of left rows that point nowhere, and of left rows that are gone, without asking.
//
// Records and stores have the bytes of Kafka Streams' foreign-key joins. Differently from it, a right row that is not
// there is always answered: whoever waits for it may have an older result to take back.
type ForeignKey[K, FK, L, R, V any] struct {
	Left          View[K, L]
	Right         View[FK, R]
	Subscriptions state.KeyValue[wire.Combined, wire.Subscription]
	LeftJoin      bool // left rows without a right one have a result
	Extract       func(key K, row L) (optional[FK], error)
	Join          func(key K, left L, right optional[R]) (optional[V], error)
	Keys          serde.Serde[K]
	ForeignKeys   serde.Serde[FK]
	LeftValues    serde.Serde[L]
	RightValues   serde.Serde[R]
}

// Answer is a response with the partition that it goes to.
type Answer struct {
	wire.Response
	Partition int32
}

// hash is that of a row as it is encoded, in scratch.
func (j *ForeignKey[K, FK, L, R, V]) hash(row optional[L], scratch *[]byte) (h wire.Hash, err error) {
	if !row.OK {
		return h, nil
	}
	if *scratch, err = j.LeftValues.Append(some(*scratch), row.Value); err != nil {
		return h, err
	}
	return wire.HashOf(*scratch), nil
}

// some is scratch to append bytes to that are not null, even if there are none.
func some(scratch []byte) []byte {
	if scratch == nil {
		return []byte{}
	}
	return scratch[:0]
}

// pointer is the foreign key of a row; none if there is no row, or it has none.
func (j *ForeignKey[K, FK, L, R, V]) pointer(key K, row optional[L]) (optional[FK], error) {
	if !row.OK {
		return none[FK](), nil
	}
	return j.Extract(key, row.Value)
}

// Subscribe takes the changes of the left table.
func Subscribe[K, FK, L, R, V any](j ForeignKey[K, FK, L, R, V]) processor[K, change[L], FK, wire.Subscription] {
	return &subscribe[K, FK, L, R, V]{ForeignKey: j}
}

type subscribe[K, FK, L, R, V any] struct {
	ForeignKey[K, FK, L, R, V]
	key, row []byte // scratch: what is forwarded goes into bytes before the call returns
}

func (s *subscribe[K, FK, L, R, V]) Init(ctx *context[FK, wire.Subscription]) error {
	s.Keys, s.ForeignKeys = graph.Checked(ctx, s.Keys), graph.Checked(ctx, s.ForeignKeys)
	s.LeftValues = graph.Checked(ctx, s.LeftValues)
	return nil
}

func (s *subscribe[K, FK, L, R, V]) Process(ctx *context[FK, wire.Subscription], r record[K, change[L]]) error {
	if r.Value.Stale {
		return nil
	}
	old, err := s.pointer(r.Key, r.Value.Old)
	if err != nil {
		return err
	}
	new, err := s.pointer(r.Key, r.Value.New)
	if err != nil {
		return err
	}
	same, err := s.same(old, new)
	if err != nil {
		return err
	}
	if old.OK && !same {
		end := wire.DeleteNoPropagate
		if !new.OK && !s.LeftJoin {
			end = wire.DeleteAndPropagate // the delete has the time of the right row, too
		}
		if err := s.send(ctx, r, old.Value, end); err != nil {
			return err
		}
	}
	if !new.OK {
		return nil
	}
	return s.send(ctx, r, new.Value, wire.PropagateNullIfNoFK)
}

func (s *subscribe[K, FK, L, R, V]) same(a, b optional[FK]) (bool, error) {
	if !a.OK || !b.OK {
		return a.OK == b.OK, nil
	}
	var err error
	if s.key, err = s.ForeignKeys.Append(s.key[:0], a.Value); err != nil {
		return false, err
	}
	s.row, err = s.ForeignKeys.Append(s.row[:0], b.Value)
	return bytes.Equal(s.key, s.row), err
}

func (s *subscribe[K, FK, L, R, V]) send(
	ctx *context[FK, wire.Subscription], r record[K, change[L]], to FK, instruction wire.Instruction,
) error {
	hash, err := s.hash(r.Value.New, &s.row)
	if err != nil {
		return err
	}
	if s.key, err = s.Keys.Append(some(s.key), r.Key); err != nil {
		return err
	}
	return ctx.Forward(graph.WithValue(graph.WithKey(r, to), wire.Subscription{
		Instruction: instruction, Hash: hash, PrimaryKey: s.key, PrimaryPartition: ctx.Task().Partition,
	}))
}

// Alone takes the changes of the left table of a left join, for the results that need no right row.
func Alone[K, FK, L, R, V any](j ForeignKey[K, FK, L, R, V]) processor[K, change[L], K, V] {
	return &aloneRows[K, FK, L, R, V]{ForeignKey: j}
}

type aloneRows[K, FK, L, R, V any] struct {
	ForeignKey[K, FK, L, R, V]
}

func (a *aloneRows[K, FK, L, R, V]) Process(ctx *context[K, V], r record[K, change[L]]) error {
	row := r.Value.New
	to, err := a.pointer(r.Key, row)
	if err != nil || to.OK || r.Value.Stale {
		return err
	}
	var out optional[V]
	if row.OK {
		if out, err = a.Join(r.Key, row.Value, none[R]()); err != nil {
			return err
		}
	}
	return ctx.Forward(graph.WithOptional(r, out))
}
