package graph

import (
	"fmt"
	"reflect"
)

// hooks are the calls that a processor gets beside Process: nil where it has no such method.
type hooks struct {
	init, close, beforeCommit, settle func() error
	advance                           func(timestamp int64) error
	remembering                       Remembering
	asking                            Asking
}

// finder finds the hooks of a processor whose context is C: a pointer, so that one function serves all types.
//
//go:noinline
func finder[C any]() func(p, ctx any) hooks {
	return func(p, ctx any) (h hooks) {
		c, _ := ctx.(C)
		if p, ok := p.(Initializing[C]); ok {
			h.init = func() error { return p.Init(c) }
		}
		if p, ok := p.(Committing[C]); ok {
			h.beforeCommit = func() error { return p.BeforeCommit(c) }
		}
		if p, ok := p.(Settling[C]); ok {
			h.settle = func() error { return p.Settle(c) }
		}
		if p, ok := p.(Advancing[C]); ok {
			h.advance = func(timestamp int64) error { return p.Advance(c, timestamp) }
		}
		if p, ok := p.(Closing); ok {
			h.close = p.Close
		}
		h.remembering, _ = p.(Remembering)
		h.asking, _ = p.(Asking)
		return h
	}
}

// check finds methods by the name of a hook that nothing would call: they have another type, or belong to a processor
// within p, and p does not hand them on.
func (h hooks) check(p any) (err error) {
	t := reflect.TypeOf(p)
	if m, ok := uncalled(h, t); ok {
		return fmt.Errorf("nothing would call the method %s of %v, whose type is %v: see the interfaces beside "+
			"streams.Processor, or give it another name", m.Name, t, public(m.Type.String()))
	}
	visit(reflect.ValueOf(p), 0, func(v reflect.Value) {
		if m, ok := uncalled(h, v.Type()); ok && err == nil {
			err = fmt.Errorf("nothing would call the method %s of %v, which lies within %v: give that one the method, too, "+
				"and hand the call on", m.Name, v.Type(), t)
		}
	})
	return err
}

// uncalled is a method of a type by the name of a hook that there is none of. The names are constants: with others the
// linker would keep all methods of all types.
func uncalled(h hooks, t reflect.Type) (m reflect.Method, ok bool) {
	if m, ok = t.MethodByName("Init"); ok && h.init == nil {
		return m, true
	}
	if m, ok = t.MethodByName("Close"); ok && h.close == nil {
		return m, true
	}
	if m, ok = t.MethodByName("BeforeCommit"); ok && h.beforeCommit == nil {
		return m, true
	}
	if m, ok = t.MethodByName("Settle"); ok && h.settle == nil {
		return m, true
	}
	if m, ok = t.MethodByName("Advance"); ok && h.advance == nil {
		return m, true
	}
	if m, ok = t.MethodByName("Mark"); ok && h.remembering == nil {
		return m, true
	}
	m, ok = t.MethodByName("Undo")
	return m, ok && h.remembering == nil
}
