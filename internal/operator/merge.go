package operator

import "github.com/millstream-go/millstream/topology"

// Merge passes everything on: several streams have it as their child.
func Merge[K, V any]() processor[K, V, K, V] { return &merge[K, V]{} }

type merge[K, V any] struct {
	topology.Contextual[K, V]
}

func (m *merge[K, V]) Process(r record[K, V]) error { return m.Ctx.Forward(r) }
