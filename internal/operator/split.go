package operator

import "github.com/millstream-go/millstream/topology"

// Split numbers each record with the first predicate that accepts it, or with the number of predicates where none does.
func Split[K, V any](predicates []func(record[K, V]) (bool, error)) processor[K, V, K, Branched[V]] {
	return &split[K, V]{predicates: predicates}
}

// Branched is a value with the number of the branch that it takes.
type Branched[V any] struct {
	Branch int
	Value  V
}

type split[K, V any] struct {
	topology.Contextual[K, Branched[V]]
	predicates []func(record[K, V]) (bool, error)
}

func (s *split[K, V]) Process(r record[K, V]) error {
	branch := len(s.predicates)
	for i, accepts := range s.predicates {
		ok, err := accepts(r)
		if err != nil {
			return err
		}
		if ok {
			branch = i
			break
		}
	}
	out := topology.WithValue(r, Branched[V]{branch, r.Value})
	out.NullValue = r.NullValue
	return s.Ctx.Forward(out)
}

// Branch passes the records of one branch of a split.
func Branch[K, V any](number int) processor[K, Branched[V], K, V] {
	return &branch[K, V]{number: number}
}

type branch[K, V any] struct {
	topology.Contextual[K, V]
	number int
}

func (b *branch[K, V]) Process(r record[K, Branched[V]]) error {
	if r.Value.Branch != b.number {
		return nil
	}
	out := topology.WithValue(r, r.Value.Value)
	out.NullValue = r.NullValue
	return b.Ctx.Forward(out)
}
