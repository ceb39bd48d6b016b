// Package operator holds the steps of the DSL, one file each. What methods of streams and tables need knows no types:
// it is a graph.Step, and compiled once. The others are written against graph.Processor and graph.Context, as
// users' own processors are.
package operator

import "github.com/millstream-go/millstream/internal/graph"

// Short names for what every operator's signature is made of.
type (
	record[K, V any]          = graph.Record[K, V]
	change[V any]             = graph.Change[V]
	optional[V any]           = graph.Optional[V]
	context[K, V any]         = graph.Context[K, V]
	processor[A, B, C, D any] = graph.Processor[A, B, C, D]

	// Of steps without types:
	flow        = graph.Flow
	flowContext = graph.FlowContext
)

// Clean is what a function of the user's returned, without a value where it says that there is none.
func Clean[T any](v optional[T], err error) (optional[T], error) {
	if !v.OK {
		return optional[T]{}, err
	}
	return v, err
}
