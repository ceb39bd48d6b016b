package topology

import (
	"reflect"
	"slices"
	"strings"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/serde"
)

// GlobalLock is what outlives the process of a store of a global table: rows in the state directory of each process, as
// far as the topics were read.
type GlobalLock struct {
	Name       string        `json:"name"`
	Format     string        `json:"format"`             // kind, key and value
	InMemory   bool          `json:"inMemory,omitempty"` // read whole at each start
	KeyTypes   []serde.Shape `json:"keyTypes,omitempty"`
	ValueTypes []serde.Shape `json:"valueTypes,omitempty"`
	Inputs     []string      `json:"inputs"` // the topics whose records it holds
}

func lockGlobals(t *graph.Topology) (all []GlobalLock) {
	sub := t.Global()
	if sub == nil {
		return nil
	}
	for _, spec := range sub.Stores {
		o := spec.Options()
		all = append(all, GlobalLock{
			spec.Name(), spec.Format(), o.InMemory, serde.ShapesOf(o.Keys), serde.ShapesOf(o.Values...),
			feeding(t, sub, spec.Name()),
		})
	}
	slices.SortFunc(all, func(a, b GlobalLock) int { return strings.Compare(a.Name, b.Name) })
	return all
}

func (c *comparison) globals() {
	removed, added := match(c.older.Globals, c.newer.Globals, func(g GlobalLock) string { return g.Name }, c.global)
	for _, g := range removed {
		c.notes(SubjectGlobal, g.Name, "is gone: its rows were copies of those of %s", list(g.Inputs))
	}
	for _, g := range added {
		c.notes(SubjectGlobal, g.Name, "is new: the first start of each process reads %s whole", list(g.Inputs))
	}
}

func (c *comparison) global(before, after GlobalLock) {
	switch {
	case before.InMemory && !reflect.DeepEqual(before, after):
		c.notes(SubjectGlobal, after.Name, "is declared otherwise: it kept nothing beyond the process")
		return
	case after.InMemory && !before.InMemory:
		c.notes(SubjectGlobal, after.Name, "is now in memory: each start reads %s whole", list(after.Inputs))
		return
	case before.Format != after.Format:
		c.breaks(SubjectGlobal, after.Name, "was %s and is %s: the rows in state directories would be read as what they "+
			"are not; give the new format a store of a new name", before.Format, after.Format)
		return
	case !slices.Equal(before.Inputs, after.Inputs):
		c.breaks(SubjectGlobal, after.Name, "holds records of %s in place of %s, and rows of those before stay in state "+
			"directories; give the new topic a store of a new name", list(after.Inputs), list(before.Inputs))
	}
	s := shapes{subject: SubjectGlobal, name: after.Name, what: "keys", exact: true}
	c.types(s, before.KeyTypes, after.KeyTypes)
	s.what, s.exact = "values", false
	c.types(s, before.ValueTypes, after.ValueTypes)
}
