package graph

import (
	"fmt"
	"reflect"

	"github.com/millstream-go/millstream/internal/storage"
)

// Flow is a record between two steps, without its types: Go would compile whatever names them once for each set of
// types, in the user's package. Keys and values are pointers, each to a variable of the step that made it, which holds
// them until that step has its next record: who keeps one copies it. No step changes a Flow that it got, or what that
// points to.
type Flow struct {
	Key       any // *K; nil is null
	Value     any // *V: of a stream, nil is null; of a table it is the row after a change, nil: there is none
	Old       any // *V: of a table, the row before; nil: there was none
	Stale     bool
	Timestamp int64
	Headers   []Header // with no room behind the last one
}

// Missing says why a record of a stream cannot be aggregated.
func (f *Flow) Missing() (DropReason, bool) {
	switch {
	case f.Key == nil:
		return DropNullKey, true
	case f.Value == nil:
		return DropNullValue, true
	}
	return "", false
}

// RecordOf is a record of a stream with its types.
func RecordOf[K, V any](f *Flow) (r Record[K, V]) {
	if r.NullKey = f.Key == nil; !r.NullKey {
		r.Key = *f.Key.(*K)
	}
	if r.NullValue = f.Value == nil; !r.NullValue {
		r.Value = *f.Value.(*V)
	}
	r.Timestamp, r.Headers = f.Timestamp, f.Headers
	return r
}

// Form is what the records of a typed processor are: those of a stream, or changes of a table, whose values are of type
// Change.
type Form int

const (
	Records Form = iota
	Changes
)

// changing is a *Change.
type changing interface {
	from(f *Flow)
	to(f *Flow)
}

// from takes the sides of a change of a table.
func (c *Change[V]) from(f *Flow) {
	*c = Change[V]{Stale: f.Stale}
	if f.Old != nil {
		c.Old = Some(*f.Old.(*V))
	}
	if f.Value != nil {
		c.New = Some(*f.Value.(*V))
	}
}

// to gives the sides to a change of a table, which are good as long as c is.
func (c *Change[V]) to(f *Flow) {
	f.Value, f.Old, f.Stale = nil, nil, c.Stale
	if c.Old.OK {
		f.Old = &c.Old.Value
	}
	if c.New.OK {
		f.Value = &c.New.Value
	}
}

// Unfold makes the change of a table of a record whose value is a Change, as it comes from a topic.
func Unfold(f *Flow, out *Flow) {
	*out = *f
	if c, ok := f.Value.(changing); ok {
		c.to(out)
	}
}

// Step is a processor without types: the steps of the DSL are. It may have the further methods of a Processor, with
// FlowContext as its context.
type Step interface {
	Process(ctx *FlowContext, r *Flow) error
}

// FlowContext is the Context of a Step.
type FlowContext struct {
	scope
	forward func(*Flow) error
}

// Forward hands a record to the steps downstream, as Context.Forward does. The caller leaves it as it is until Forward
// returns.
func (c *FlowContext) Forward(r *Flow) error {
	if r.Timestamp < 0 {
		return before1970(r.Timestamp)
	}
	return c.forward(r)
}

// AddStep is AddProcessor for a step without types.
func AddStep(g *Graph, op, site string, parents []*Node, stores []storage.Spec, new func() Step) *Node {
	return g.addProcessor(op, site, parents, stores, func() any { return new() }, flowInput, flowOutput)
}

func flowInput(in *Instance, n *Node, ctx any) (use func(p any), inlet func(*Flow) error) {
	var p Step
	c := ctx.(*FlowContext)
	return func(made any) { p = made.(Step) }, func(f *Flow) error {
		caller := in.node
		in.node = n
		if err := p.Process(c, f); err != nil {
			return err
		}
		in.node = caller
		return nil
	}
}

var flowOutput = outputSide{
	link: func(in *Instance, n *Node, forward func(*Flow) error) any {
		return &FlowContext{scope: scope{in: in, node: n}, forward: forward}
	},
	hooks: finder[*FlowContext](),
}

// outlet makes flows of the records that a typed processor forwards, in place.
type outlet[K, V any] struct {
	forward func(*Flow) error
	flow    Flow
	key     K
	value   V
	change  changing // value, if the processor forwards changes
}

func newOutlet[K, V any](form Form, forward func(*Flow) error) *outlet[K, V] {
	o := &outlet[K, V]{forward: forward}
	if form == Changes {
		o.change = any(&o.value).(changing)
	}
	return o
}

func (o *outlet[K, V]) send(r *Record[K, V]) error {
	if r.Timestamp < 0 {
		return before1970(r.Timestamp)
	}
	f := &o.flow
	f.Timestamp, f.Headers = r.Timestamp, r.Headers[:len(r.Headers):len(r.Headers)]
	if f.Key = nil; !r.NullKey {
		o.key = r.Key
		f.Key = &o.key
	}
	switch {
	case r.NullValue:
		f.Value, f.Old, f.Stale = nil, nil, false
	case o.change != nil:
		o.value = r.Value
		o.change.to(f)
	default:
		o.value = r.Value
		f.Value = &o.value
	}
	return o.forward(f)
}

// inlet makes typed records of flows, in place.
type inlet[K, V any] struct {
	record Record[K, V]
	change changing // the record's value, if it is a change
}

func newInlet[K, V any](form Form) *inlet[K, V] {
	i := &inlet[K, V]{}
	if form == Changes {
		i.change = any(&i.record.Value).(changing)
	}
	return i
}

// take is the record of a flow, good until the next one.
func (i *inlet[K, V]) take(f *Flow) *Record[K, V] {
	r := &i.record
	r.Timestamp, r.Headers = f.Timestamp, f.Headers
	if r.NullKey = f.Key == nil; r.NullKey {
		var none K
		r.Key = none
	} else {
		r.Key = *f.Key.(*K)
	}
	if i.change != nil {
		i.change.from(f)
	} else if r.NullValue = f.Value == nil; r.NullValue {
		var none V
		r.Value = none
	} else {
		r.Value = *f.Value.(*V)
	}
	return r
}

// types are those of the records between two steps, where they are known.
type types struct{ key, value Type }

func typesOf[K, V any]() types { return types{TypeOf[K](), TypeOf[V]()} }

// Type is a Go type. What leads to a reflect.Type, be it by a field or by a method's parameter, leads to sixty
// functions of iterators over types, which each program would compile.
type Type struct {
	of any // a reflect.Type; nil: it is not known
}

// TypeOf is the type T.
func TypeOf[T any]() Type { return typeOf((*T)(nil)) }

// typeOf is the type that a pointer is for.
//
//go:noinline
func typeOf(pointer any) Type { return Type{reflect.TypeOf(pointer).Elem()} }

// String is the type as Go writes it.
//
//go:noinline
func (t Type) String() string { return fmt.Sprint(t.of) }
