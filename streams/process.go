package streams

import (
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/state"
)

// Process adds a processor of the user's, with the stores that it may use. The processor may change the key. new makes
// a new one at each call: it is called once for each task, and twice by Build, to see that it does. What two processors
// share within their fields, a map or a pointer, is not looked at: it may be settings, and must not be what they
// remember. What a processor opens, it opens in Init. ProcessFunc makes new of a function.
func Process[KR, VR, K, V any](
	s *Stream[K, V], new func() Processor[K, V, KR, VR], stores ...state.Declaration,
) *Stream[KR, VR] {
	s.of().given(new != nil, "Process: new")
	site := graph.Site()
	out := rekeyed(process(s, "process", site, s.of().uses(stores, site), new), site)
	out.processed = true
	return out
}

// ProcessValues adds a processor of the user's that cannot change the key. new makes a new one at each call, see
// Process. ProcessValuesFunc makes new of a function.
func ProcessValues[VR, K, V any](
	s *Stream[K, V], new func() FixedKeyProcessor[K, V, VR], stores ...state.Declaration,
) *Stream[K, VR] {
	b := s.of()
	b.given(new != nil, "ProcessValues: new")
	site := graph.Site()
	parents := []*graph.Node{s.node}
	n := graph.AddFixedKeyProcessor(b.graph, "processvalues", site, parents, b.uses(stores, site), new)
	return &Stream[K, VR]{b: s.b, node: n, rekeyed: s.rekeyed, processed: true}
}

// ProcessFunc is a processor that is a function, for Process:
//
//	streams.Process(orders, streams.ProcessFunc(func(ctx *streams.Context[string, Alarm], r Order) error { ... }))
//
// The tasks share it, and call it each on a goroutine of its own: what it remembers belongs in a store, which it opens
// with In(ctx).
func ProcessFunc[KR, VR, K, V any](
	fn func(ctx *Context[KR, VR], r Record[K, V]) error,
) func() Processor[K, V, KR, VR] {
	if fn == nil {
		return nil
	}
	return func() Processor[K, V, KR, VR] { return processFunc[K, V, KR, VR](fn) }
}

type processFunc[K, V, KR, VR any] func(ctx *Context[KR, VR], r Record[K, V]) error

func (f processFunc[K, V, KR, VR]) Process(ctx *Context[KR, VR], r Record[K, V]) error {
	return f(ctx, r)
}

// ProcessValuesFunc is a processor that is a function, for ProcessValues. See ProcessFunc.
func ProcessValuesFunc[VR, K, V any](
	fn func(ctx *FixedKeyContext[K, VR], r FixedKeyRecord[K, V]) error,
) func() FixedKeyProcessor[K, V, VR] {
	if fn == nil {
		return nil
	}
	return func() FixedKeyProcessor[K, V, VR] { return processValuesFunc[K, V, VR](fn) }
}

type processValuesFunc[K, V, VR any] func(ctx *FixedKeyContext[K, VR], r FixedKeyRecord[K, V]) error

func (f processValuesFunc[K, V, VR]) Process(ctx *FixedKeyContext[K, VR], r FixedKeyRecord[K, V]) error {
	return f(ctx, r)
}
