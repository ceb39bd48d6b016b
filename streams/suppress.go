package streams

import (
	"time"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/operator"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
)

// ErrSuppressFull says that the buffer of a suppress with FailWhenFull has more than it may. Give it more room, or let
// it emit early.
var ErrSuppressFull = operator.ErrSuppressFull

// Hold says how long a suppress holds changes back, and how many.
type Hold struct {
	limits operator.SuppressLimits
	err    string
}

// HoldFor holds the changes of a row back until stream time has passed the first of them by d. The buffer has no
// bounds.
func HoldFor(d time.Duration) Hold {
	h := Hold{limits: operator.SuppressLimits{Wait: d.Milliseconds()}}
	if d < 0 || d%time.Millisecond != 0 {
		h.err = "the time to hold back must be whole milliseconds, 0 or more"
	}
	return h
}

// MaxRecords bounds the number of rows that wait in a task's buffer: the oldest come out early.
func (h Hold) MaxRecords(n int64) Hold {
	if h.limits.MaxRecords = n; n < 1 {
		h.err = "the bound of a buffer must be above 0"
	}
	return h
}

// MaxBytes bounds the bytes of the rows that wait in a task's buffer, as encoded: the oldest come out early.
func (h Hold) MaxBytes(n int64) Hold {
	if h.limits.MaxBytes = n; n < 1 {
		h.err = "the bound of a buffer must be above 0"
	}
	return h
}

// FailWhenFull makes a buffer that is full an error of the record that filled it, ErrSuppressFull, instead of letting
// rows come out early.
func (h Hold) FailWhenFull() Hold {
	h.limits.Fail = true
	return h
}

// Suppress holds the changes of the table's rows back, so that of many changes of a row only the latest comes out. For
// one result for each window, use Final of a windowed aggregation instead, which needs no buffer.
func (t *Table[K, V]) Suppress(hold Hold, buffer state.SuppressDeclaration[K, V]) *Table[K, V] {
	var (
		keys   serde.Serde[K]
		values serde.Serde[V]
		held   state.Spec // Build refuses one that no constructor made
	)
	if !graph.IsNil(buffer) {
		held = buffer.Buffer()
		keys, values = serdesOf[K, V](held)
	}
	n := t.of().suppress(t.node, t.versioned, hold, held, graph.CodingOf(keys, values))
	return &Table[K, V]{b: t.b, node: n, keys: keys}
}

//go:noinline
func (b *Builder) suppress(
	table *graph.Node, versioned bool, hold Hold, buffer state.Spec, coding graph.Coding,
) *graph.Node {
	site := graph.Site()
	if hold.err != "" {
		b.graph.Fail(site, "suppress: %s", hold.err)
	}
	if l := hold.limits; l.Fail && l.MaxRecords == 0 && l.MaxBytes == 0 {
		b.graph.Fail(site, "suppress: FailWhenFull has no effect without MaxRecords or MaxBytes: the buffer is never full")
	}
	if versioned {
		b.graph.Fail(site, "suppress of a versioned table: what it held back would lose its versions")
	}
	held := operator.HoldBack(buffer, hold.limits)
	b.own(held.Store(), site)
	return graph.AddStep(b.graph, "suppress", site, []*graph.Node{table}, []storage.Spec{held.Store()},
		func() graph.Step { return operator.Suppress(held, coding) })
}
