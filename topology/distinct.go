package topology

import (
	"cmp"
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
	kind reflect.Type
	at   weak.Pointer[byte]
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
		if err := cmp.Or(n.probe(made), n.probe(made)); err != nil {
			errs = append(errs, fmt.Errorf("%s: step %s: %w", n.Site, n.Name, err))
		}
	}
	return errs
}

// probe calls the function of a step, which must make a processor that is not made yet. A panic tells nothing: it may
// need what is not there before the start of a task.
func (n *Node) probe(made map[thing]*Node) (err error) {
	defer func() { _ = recover() }()
	p := n.make()
	if p == nil {
		return errNoProcessor
	}
	all := things(p)
	for _, t := range all {
		if first := made[t]; first != nil {
			return sharedBy(n, first)
		}
	}
	for _, t := range all {
		made[t] = n
	}
	return nil
}

// errNoProcessor is the error of a function that makes none.
var errNoProcessor = errors.New("the function that makes the processor returned nil")

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
		if t.at.Value() == nil {
			delete(m.mu.used, t)
		}
	}
	m.mu.sweep = max(64, 2*len(m.mu.used))
	return nil
}

// deepest is how many processors around others are looked into.
const deepest = 8

// things are a processor and those within it, as far as they are pointers: a function, or a struct without fields, may
// be the same for all tasks.
func things(p any) []thing {
	if f, ok := p.(interface{ unwrap() any }); ok {
		p = f.unwrap()
	}
	return thingsOf(reflect.ValueOf(p), nil, 0)
}

func thingsOf(v reflect.Value, out []thing, depth int) []thing {
	for v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	if depth > deepest || !v.IsValid() || !isProcessor(v.Type()) {
		return out
	}
	if v.Kind() == reflect.Pointer {
		if v.IsNil() || v.Type().Elem().Size() == 0 {
			return out
		}
		out = append(out, thing{v.Type(), weak.Make((*byte)(v.UnsafePointer()))})
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return out
	}
	for i := range v.NumField() {
		f := v.Field(i)
		if k := f.Kind(); k == reflect.Struct && f.CanAddr() {
			f = f.Addr() // the processor may be its pointer; it lies within one that was entered
			out = append(out, thingsOf(f, nil, depth+1)...)
		} else if k == reflect.Interface || k == reflect.Pointer || k == reflect.Struct {
			out = thingsOf(f, out, depth+1)
		}
	}
	return out
}

// isProcessor is true for types with the methods of a Processor or FixedKeyProcessor, whatever its types.
func isProcessor(t reflect.Type) bool {
	init, ok := t.MethodByName("Init")
	if _, close := t.MethodByName("Close"); !ok || !close {
		return false
	}
	if _, process := t.MethodByName("Process"); !process || init.Type.NumIn() != 2 {
		return false
	}
	ctx := init.Type.In(1)
	if ctx.Kind() != reflect.Pointer || ctx.Elem().PkgPath() != reflect.TypeFor[Node]().PkgPath() {
		return false
	}
	name := ctx.Elem().Name()
	return strings.HasPrefix(name, "Context[") || strings.HasPrefix(name, "FixedKeyContext[")
}
