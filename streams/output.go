package streams

import "github.com/millstream-go/millstream/internal/graph"

// Output is an output of a processor beside its main one, with types of its own. It is declared once, by name, as a
// topic or store is; the processor sends records to it with Forward, and SideOutput is the stream of them:
//
//	var Rejected = streams.NewOutput[string, Reason]("rejected")
//
//	accepted := streams.Process(orders, newCheck)      // what newCheck's processors give Context.Forward
//	rejected := streams.SideOutput(accepted, Rejected) // what they give Rejected.Forward
type Output[K, V any] struct{ name string }

// NewOutput declares an output. The name has letters, digits and . _ -; it tells the outputs of a step apart, shows in
// descriptions, and is kept nowhere.
func NewOutput[K, V any](name string) Output[K, V] { return Output[K, V]{name: name} }

// Forward hands a record to the steps downstream of the output, and to no others, and returns when they are done: see
// Context.Forward, which does it with the main output. ctx is that of the processor. Where the stream of the output was
// not asked for it is a MissingOutputError, so that no record is lost by mistake.
func (o Output[K, V]) Forward(ctx AnyContext, r Record[K, V]) error {
	return graph.ForwardTo(ctx, o.name, r)
}

// SideOutput is the stream of what the processor of a step forwards to an output. s is the stream that Process or
// ProcessValues returned. Keys may be any: see Stream.MarkAsPartitioned where they are those of the input.
func SideOutput[KR, VR, K, V any](s *Stream[K, V], o Output[KR, VR]) *Stream[KR, VR] {
	b, site := s.of(), graph.Site()
	if !s.processed {
		b.graph.Fail(site, "SideOutput: output %q is asked of a stream that is none of Process or ProcessValues", o.name)
	}
	return &Stream[KR, VR]{b: s.b, node: graph.AddOutput[KR, VR](b.graph, site, s.node, o.name), rekeyed: site}
}
