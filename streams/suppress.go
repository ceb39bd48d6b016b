package streams

import (
	"time"

	"github.com/millstream-go/millstream/internal/operator"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/topology"
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
		held   state.SuppressSpec // Build refuses one that no constructor made
	)
	if !isNil(buffer) {
		keys, values, held = buffer.Key(), buffer.Value(), buffer.Buffer()
	}
	n := t.of().suppress(t.node, t.versioned, hold, held, topology.CodingOf(keys, values))
	return &Table[K, V]{b: t.b, node: n, keys: keys}
}

//go:noinline
func (b *Builder) suppress(
	table *topology.Node, versioned bool, hold Hold, buffer state.SuppressSpec, coding topology.Coding,
) *topology.Node {
	site := topology.Site()
	if hold.err != "" {
		b.graph.Fail(site, "suppress: %s", hold.err)
	}
	if versioned {
		b.graph.Fail(site, "suppress of a versioned table: what it held back would lose its versions")
	}
	held := operator.HoldBack(buffer, hold.limits)
	b.own(held.Store(), site)
	return topology.AddStep(b.graph, "suppress", site, []*topology.Node{table}, []state.Spec{held.Store()},
		func() topology.Step { return operator.Suppress(held, coding) })
}
