// Package operator holds the steps of the DSL, one file each. What methods of streams and tables need knows no types:
// it is a topology.Step, and compiled once. The others are written against topology.Processor and topology.Context, as
// users' own processors are.
package operator

import "github.com/millstream-go/millstream/topology"

// Short names for what every operator's signature is made of.
type (
	record[K, V any]          = topology.Record[K, V]
	change[V any]             = topology.Change[V]
	optional[V any]           = topology.Optional[V]
	context[K, V any]         = topology.Context[K, V]
	processor[A, B, C, D any] = topology.Processor[A, B, C, D]

	// Of steps without types:
	flow        = topology.Flow
	flowContext = topology.FlowContext
)

// Clean is what a function of the user's returned, without a value where it says that there is none.
func Clean[T any](v optional[T], err error) (optional[T], error) {
	if !v.OK {
		return optional[T]{}, err
	}
	return v, err
}
