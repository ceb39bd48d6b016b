package streams

import (
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/operator"
	"github.com/millstream-go/millstream/state"
)

// given reports a function that is nil, where the user's code calls.
func (b *Builder) given(ok bool, what string) {
	if !ok {
		b.graph.Fail(graph.Site(), "%s is nil: a function is needed", what)
	}
}

// tableGiven is the table, or in place of nil one that stands in for it until Build fails.
func tableGiven[K, V any](b *Builder, t *Table[K, V], node *graph.Node, site string) *Table[K, V] {
	if t != nil && t.b != nil {
		return t
	}
	b.graph.Fail(site, "the table to join is nil")
	none := tableRows{rows: func(state.Stores) operator.Lookup { return nil }}
	return &Table[K, V]{b: b, node: node, tableRows: none}
}

// absent ends a call on something that is nil: there is no Builder to report the mistake with.
func absent(what string) *Builder {
	panic("streams: " + graph.Site() + ": the " + what + " is nil, or was not made by this package")
}

// of is the builder, for the first use of a stream in a call of the user's.
func (s *Stream[K, V]) of() *Builder {
	if s == nil || s.b == nil {
		return absent("Stream")
	}
	return s.b
}

func (t *Table[K, V]) of() *Builder {
	if t == nil || t.b == nil {
		return absent("Table")
	}
	return t.b
}

func (g *Group[K, V]) of() *Builder {
	if g == nil || g.b == nil {
		return absent("Group")
	}
	return g.b
}

func (g *WindowedGroup[K, V]) of() *Builder {
	if g == nil {
		return absent("WindowedGroup")
	}
	return g.group.of()
}

func (g *SessionGroup[K, V]) of() *Builder {
	if g == nil {
		return absent("SessionGroup")
	}
	return g.group.of()
}

func (g *TableGroup[K, V]) of() *Builder {
	if g == nil || g.b == nil {
		return absent("TableGroup")
	}
	return g.b
}

func (c *Cogroup[K, A]) of() *Builder {
	if c == nil || c.b == nil {
		return absent("Cogroup")
	}
	return c.b
}

func (t *WindowTable[K, V]) of() *Builder {
	if t == nil || t.windowRows == nil {
		return absent("WindowTable")
	}
	return t.b
}

func (r *WindowResults[K, V]) of() *Builder {
	if r == nil || r.b == nil {
		return absent("WindowResults")
	}
	return r.b
}
