package conformance

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/millstream-go/millstream/streams"
)

// key and value of a record, nil where null.
func key(r record) *string   { return unless(r.NullKey, r.Key) }
func value(r record) *string { return unless(r.NullValue, r.Value) }

func optional(s *string) streams.Optional[string] {
	if s == nil {
		return streams.None[string]()
	}
	return streams.Some(*s)
}

// of is a record of a key and a value that may be null.
func of(k, v *string) record {
	return record{Key: deref(k), NullKey: k == nil, Value: deref(v), NullValue: v == nil}
}

func optionalKey(fn func(k, v *string) *string) func(record) (streams.Optional[string], error) {
	return func(r record) (streams.Optional[string], error) { return optional(fn(key(r), value(r))), nil }
}

var barred = regexp.MustCompile(`^-?[0-9]+\|`)

func timeInValue(r record, _ int64) (int64, error) {
	if r.NullValue || !barred.MatchString(r.Value) {
		return r.Timestamp, nil
	}
	return strconv.ParseInt(r.Value[:strings.IndexByte(r.Value, '|')], 10, 64)
}

func (b *build) filter(n Node) (any, error) {
	pred, err := predicate(n.Pred)
	if err != nil {
		return nil, err
	}
	keep := func(r record) (bool, error) { return pred(key(r), value(r)) == (n.Op == "filter"), nil }
	if t, ok := b.nodes[n.In].(*table); ok {
		return b.materialized(t.FilterRecord(keep), n), nil
	}
	s, err := b.stream(n.In)
	if err != nil {
		return nil, err
	}
	return keyed{s.FilterRecord(keep), s.rekeyed}, nil
}

// materialized keeps a table in the store that its node names, if it does.
func (b *build) materialized(t *table, n Node) *table {
	if n.Store == "" {
		return t
	}
	return t.Materialize(b.store(n))
}

func (b *build) mapValues(n Node) (any, error) {
	fn, err := valueFunction(n.Fn)
	if err != nil {
		return nil, err
	}
	apply := func(r record) (streams.Optional[string], error) { return optional(fn(value(r))), nil }
	if t, ok := b.nodes[n.In].(*table); ok {
		return b.materialized(streams.TableMapValuesRecord(t, apply), n), nil
	}
	s, err := b.stream(n.In)
	if err != nil {
		return nil, err
	}
	return keyed{streams.MapValuesRecord(s.stream, apply), s.rekeyed}, nil
}

func (b *build) mapRecords(n Node) (any, error) {
	s, err := b.stream(n.In)
	if err != nil {
		return nil, err
	}
	fn, err := mapFunction(n.Fn)
	if err != nil {
		return nil, err
	}
	out := streams.Map(s.stream, func(r record) (record, error) { return of(fn(key(r), value(r))), nil })
	return keyed{out, true}, nil
}

func (b *build) selectKey(n Node) (any, error) {
	s, err := b.stream(n.In)
	if err != nil {
		return nil, err
	}
	fn, err := keyFunction(n.Fn)
	if err != nil {
		return nil, err
	}
	return keyed{streams.SelectKeyRecord(s.stream, optionalKey(fn)), true}, nil
}

func (b *build) flatMapValues(n Node) (any, error) {
	s, err := b.stream(n.In)
	if err != nil {
		return nil, err
	}
	out := streams.FlatMapValuesRecord(s.stream, func(r record, emit func(streams.Optional[string]) error) error {
		for _, w := range words(value(r)) {
			if err := emit(streams.Some(w)); err != nil {
				return err
			}
		}
		return nil
	})
	return keyed{out, s.rekeyed}, nil
}

func (b *build) flatMap(n Node) (any, error) {
	s, err := b.stream(n.In)
	if err != nil {
		return nil, err
	}
	out := streams.FlatMap(s.stream, func(r record, emit func(record) error) error {
		for _, w := range words(value(r)) {
			if err := emit(of(&w, key(r))); err != nil {
				return err
			}
		}
		return nil
	})
	return keyed{out, true}, nil
}

func (b *build) split(n Node) (any, error) {
	s, err := b.stream(n.In)
	if err != nil {
		return nil, err
	}
	var predicates []func(streams.Record[string, string]) (bool, error)
	for _, branch := range n.Branches {
		pred, err := predicate(branch.Pred)
		if err != nil {
			return nil, err
		}
		predicates = append(predicates, func(r record) (bool, error) { return pred(key(r), value(r)), nil })
	}
	branches, rest := s.Split(predicates...)
	for i, branch := range n.Branches {
		b.nodes[n.ID+"."+branch.Name] = keyed{branches[i], s.rekeyed}
	}
	if n.Default != "" {
		b.nodes[n.ID+"."+n.Default] = keyed{rest, s.rekeyed}
	}
	return nil, nil
}
