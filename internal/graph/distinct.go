package graph

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"weak"
)

// makers watches over the functions that make processors: each task needs a processor of its own. What a shared one
// remembers in one task it would write in another, and a restart would lose, or repeat, what it had not written.
type makers struct {
	mu struct {
		sync.Mutex
		used  map[thing]*Node // the processors that tasks of this process have got, while somebody still has them
		sweep int             // the number of them at which those are removed that nobody has any more
	}
}

// thing is something that two processors must not both be, or have within them. It keeps nothing alive, and no other
// thing is ever equal to it.
type thing struct {
	kind Type
	at   any // a weak.Pointer[byte], see Type
}

// errShared says what is wrong, and what to do.
var errShared = errors.New("it is called for each task, and each needs a processor of its own, as what one remembers " +
	"would get into the state of another: make it within the function")

// check calls the functions of all steps twice, as Kafka Streams does, to see that they make something new each time.
func (g *Graph) check() (errs []error) {
	made := map[thing]*Node{}
	for _, n := range g.nodes {
		if n.make == nil {
			continue
		}
		if err := n.check(made); err != nil {
			errs = append(errs, fmt.Errorf("%s: step %s: %w", n.Site, n.Name, err))
		}
	}
	return errs
}

// check is what is wrong with the processors that the function of a step makes.
func (n *Node) check(made map[thing]*Node) error {
	if _, err := n.probe(made); err != nil {
		return err
	}
	p, err := n.probe(made)
	if p == nil || err != nil {
		return err
	}
	return n.hooks(p, nil).check(p)
}

// probe calls the function of a step, which must make a processor that is not made yet. A panic tells nothing: it may
// need what is not there before the start of a task. Then the processor is nil.
func (n *Node) probe(made map[thing]*Node) (p any, err error) {
	defer func() { _ = recover() }()
	p = n.make()
	if IsNil(p) {
		return nil, errNoProcessor
	}
	all := things(p)
	for _, t := range all {
		if first := made[t]; first != nil {
			return nil, sharedBy(n, first)
		}
	}
	for _, t := range all {
		made[t] = n
	}
	return p, nil
}

// errNoProcessor is the error of a function that makes none.
var errNoProcessor = errors.New("the function that makes the processor returned nil")

// IsNil is true of nil, and of a nil pointer behind an interface.
func IsNil(x any) bool {
	v := reflect.ValueOf(x)
	return !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil()
}

func sharedBy(n, first *Node) error {
	if n != first {
		return fmt.Errorf("the function that makes the processor returned the one of step %s (%s): %w",
			first.Name, first.Site, errShared)
	}
	return fmt.Errorf("the function that makes the processor returned the same one twice: %w", errShared)
}

// take notes that a task has got a processor; an error if it was another task's, or that task's in an earlier life.
func (m *makers) take(n *Node, p any) error {
	all := things(p)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mu.used == nil {
		m.mu.used = map[thing]*Node{}
	}
	for _, t := range all {
		if first := m.mu.used[t]; first != nil {
			return sharedBy(n, first)
		}
	}
	for _, t := range all {
		m.mu.used[t] = n
	}
	if len(m.mu.used) < m.mu.sweep {
		return nil
	}
	for t := range m.mu.used {
		if t.at.(weak.Pointer[byte]).Value() == nil {
			delete(m.mu.used, t)
		}
	}
	m.mu.sweep = max(64, 2*len(m.mu.used))
	return nil
}

// deepest is how many processors around others are looked into.
const deepest = 8

// things are a processor and those within it, as far as they are pointers or maps: a function, or a struct without
// fields, may be the same for all tasks.
func things(p any) (out []thing) {
	visit(reflect.ValueOf(p), 0, func(v reflect.Value) {
		if v.Kind() == reflect.Pointer && v.Type().Elem().Size() > 0 || v.Kind() == reflect.Map && !v.IsNil() {
			out = append(out, thing{Type{v.Type()}, weak.Make((*byte)(v.UnsafePointer()))})
		}
	})
	return out
}

// visit shows a processor, and then those within it.
func visit(v reflect.Value, depth int, show func(v reflect.Value)) {
	for v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	if depth > deepest || !v.IsValid() || !isProcessor(v.Type()) || v.Kind() == reflect.Pointer && v.IsNil() {
		return
	}
	show(v)
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return
	}
	for i := range v.NumField() {
		visitField(v.Field(i), depth+1, show)
	}
}

// visitField shows the processor that a field holds, or those in a list that it holds. Maps are left alone: one that is
// shared, with a lock, may be written meanwhile.
func visitField(f reflect.Value, depth int, show func(v reflect.Value)) {
	switch k := f.Kind(); {
	case k == reflect.Struct && f.CanAddr():
		visit(f.Addr(), depth, show) // the processor may be its pointer
	case k == reflect.Interface || k == reflect.Pointer || k == reflect.Struct:
		visit(f, depth, show)
	case (k == reflect.Slice || k == reflect.Array) && isProcessor(f.Type().Elem()):
		for i := range f.Len() {
			visitField(f.Index(i), depth, show)
		}
	}
}

// isProcessor is true for types with the method of a Processor or FixedKeyProcessor, whatever its types.
func isProcessor(t reflect.Type) bool {
	process, ok := t.MethodByName("Process")
	if !ok || process.Type.NumIn() < 2 {
		return false
	}
	ctx := process.Type.In(process.Type.NumIn() - 2) // in front of it a receiver, unless t is an interface
	if ctx.Kind() != reflect.Pointer || ctx.Elem().PkgPath() != reflect.TypeFor[Node]().PkgPath() {
		return false
	}
	name := ctx.Elem().Name()
	return strings.HasPrefix(name, "Context[") || strings.HasPrefix(name, "FixedKeyContext[")
}
