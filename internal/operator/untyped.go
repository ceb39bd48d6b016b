package operator

import (
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/rows"
	"github.com/millstream-go/millstream/internal/storage"
)

// recordOf is a record with its types.
func recordOf[K, V any](r *flow) record[K, V] { return graph.RecordOf[K, V](r) }

// Fold adds a record to the aggregate so far, which is nil for the first record of a row. It writes the new one to what
// out points to; without ok there is none, and the row is deleted. row and out may be one variable.
type Fold func(r *flow, row, out any) (ok bool, err error)

// FoldOf is the Fold of a function with types.
func FoldOf[K, V, A any](fn func(r record[K, V], row optional[A]) (optional[A], error)) Fold {
	return func(r *flow, row, out any) (ok bool, err error) {
		var before optional[A]
		if row != nil {
			before = optional[A]{Value: *row.(*A), OK: true}
		}
		after, err := fn(recordOf[K, V](r), before)
		*out.(*A) = after.Value
		return after.OK, err
	}
}

// handleOf is the open store of a declaration, as one without types.
func handleOf[S rows.Typed](stores Stores, declared storage.Spec) S {
	return storage.HandleOf(stores.Store(declared.Name())).(S)
}

// there is a value if it is ok, else none.
func there(value any, ok bool) any {
	if !ok {
		return nil
	}
	return value
}
