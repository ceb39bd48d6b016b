package operator

import (
	"slices"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/wire"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
)

// Subscriptions takes the registration topic of a foreign-key join.
func Subscriptions[K, FK, L, R, V any](
	j ForeignKey[K, FK, L, R, V],
) processor[FK, wire.Subscription, []byte, Answer] {
	return &subscriptions[K, FK, L, R, V]{answers: answers[K, FK, L, R, V]{ForeignKey: j}}
}

// RightChanges takes the changes of the right table of a foreign-key join.
func RightChanges[K, FK, L, R, V any](j ForeignKey[K, FK, L, R, V]) processor[FK, change[R], []byte, Answer] {
	return &rightChanges[K, FK, L, R, V]{answers: answers[K, FK, L, R, V]{ForeignKey: j}}
}

// answers is what the nodes beside the right table share.
type answers[K, FK, L, R, V any] struct {
	ForeignKey[K, FK, L, R, V]
	store state.KeyValueStore[wire.Combined, wire.Subscription]
	// Scratch: what is forwarded goes into bytes before the call returns, and the store copies its keys.
	foreign, row []byte
}

func (a *answers[K, FK, L, R, V]) Init(ctx *context[[]byte, Answer]) error {
	a.store, a.ForeignKeys = a.Subscriptions.In(ctx), graph.Checked(ctx, a.ForeignKeys)
	return nil
}

// answer sends the right row to a subscriber, with the timestamp and headers of r.
func (a *answers[K, FK, L, R, V]) answer(
	ctx *context[[]byte, Answer], r record[FK, nothing], s wire.Subscription, row optional[R],
) error {
	out := Answer{Response: wire.Response{Hash: s.Hash}, Partition: s.PrimaryPartition}
	if row.OK {
		var err error
		if a.row, err = a.RightValues.Append(some(a.row), row.Value); err != nil {
			return err
		}
		if out.Value = a.row; len(a.row) == 0 {
			r.Headers = append(slices.Clip(r.Headers), graph.Header{Key: wire.EmptyRowHeader})
		}
	}
	return ctx.Forward(graph.WithValue(graph.WithKey(r, s.PrimaryKey), out))
}

type nothing = struct{}

// AnswerSerde writes the response of an Answer; the partition is in no bytes.
var AnswerSerde answerSerde

type answerSerde struct{}

func (answerSerde) Format() string { return serde.FormatOf(wire.ResponseSerde) }

func (answerSerde) Append(dst []byte, a Answer) ([]byte, error) {
	return wire.ResponseSerde.Append(dst, a.Response)
}

func (answerSerde) Decode(src []byte) (Answer, error) {
	r, err := wire.ResponseSerde.Decode(src)
	return Answer{Response: r, Partition: graph.ByKey}, err
}

type subscriptions[K, FK, L, R, V any] struct {
	answers[K, FK, L, R, V]
	get Getter[FK, R]
}

func (s *subscriptions[K, FK, L, R, V]) Init(ctx *context[[]byte, Answer]) error {
	s.get = s.Right(ctx)
	return s.answers.Init(ctx)
}

func (s *subscriptions[K, FK, L, R, V]) Process(ctx *context[[]byte, Answer], r record[FK, wire.Subscription]) error {
	if r.NullKey || r.NullValue {
		reason, _ := missing(r)
		ctx.Drop(reason)
		return nil
	}
	var err error
	if s.foreign, err = s.ForeignKeys.Append(some(s.foreign), r.Key); err != nil {
		return err
	}
	if err := s.remember(wire.Combined{Foreign: s.foreign, Primary: r.Value.PrimaryKey}, r); err != nil {
		return err
	}
	if r.Value.Instruction == wire.DeleteNoPropagate {
		return nil
	}
	value, ts, ok, err := s.get(r.Key, Newest)
	if err != nil || !ok && r.Value.Instruction == wire.PropagateOnlyIfFK {
		return err
	}
	row := optional[R]{Value: value, OK: ok}
	if ok {
		r.Timestamp = max(r.Timestamp, ts)
	}
	if r.Value.Instruction == wire.DeleteAndPropagate {
		row = none[R]()
	}
	return s.answer(ctx, graph.WithValue(r, nothing{}), r.Value, row)
}

// remember begins or ends a subscription.
func (s *subscriptions[K, FK, L, R, V]) remember(key wire.Combined, r record[FK, wire.Subscription]) error {
	switch r.Value.Instruction {
	case wire.DeleteNoPropagate, wire.DeleteAndPropagate:
		return s.store.Delete(key, r.Timestamp)
	}
	return s.store.Put(key, r.Value, r.Timestamp)
}

type rightChanges[K, FK, L, R, V any] struct {
	answers[K, FK, L, R, V]
}

func (c *rightChanges[K, FK, L, R, V]) Process(ctx *context[[]byte, Answer], r record[FK, change[R]]) error {
	if r.Value.Stale {
		return nil
	}
	var err error
	if c.foreign, err = c.ForeignKeys.Append(some(c.foreign), r.Key); err != nil {
		return err
	}
	for row, err := range c.store.Prefix(wire.CombinedPrefix(c.foreign)) {
		if err != nil {
			return err
		}
		if err := c.answer(ctx, graph.WithValue(r, nothing{}), row.Value, r.Value.New); err != nil {
			return err
		}
	}
	return nil
}
