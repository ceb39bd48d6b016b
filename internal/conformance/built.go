package conformance

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/testkit"
	"github.com/millstream-go/millstream/topology"
)

// Built is a topology made of nodes, with what feeds and reads it in drivers of the caller's.
type Built struct {
	Topology *topology.Topology
	build    *build
}

// Build makes the topology of nodes through the DSL. Stores whose names inMemory accepts keep their rows in memory.
func Build(nodes []Node, inMemory func(store string) bool) (*Built, error) {
	b, topo, err := newBuild(nodes, surroundings{inMemory: inMemory})
	if err != nil {
		return nil, err
	}
	return &Built{Topology: topo, build: b}, nil
}

// Operators are the operators of the node language, in byte order.
func Operators() []string { return slices.Sorted(maps.Keys(operators)) }

// Step is a step of a scenario: a record, or the wall clock. What goes wrong is the driver's Err.
func (b *Built) Step(d *testkit.Driver, s Step) { b.build.step(d, s) }

// Results are all records of the output topics from the start, as a consumer sees them, with headers: by topic, then in
// the order in which they were sent.
func (b *Built) Results(d *testkit.Driver) []Result {
	outputs := map[string]*testkit.OutputTopic[string, string]{}
	for name, t := range b.build.outputs {
		outputs[name] = testkit.Output(d, t)
	}
	return (&Scenario{Headers: true}).read(outputs)
}

// Stores are the rows of the tables' stores, by name, sorted by key. The key of a window is the text
// "key@start", that of a session "key@start,end".
func (b *Built) Stores(d *testkit.Driver) Stores {
	out := Stores{}
	for name, show := range b.build.stores {
		out[name] = show(rows{d})
	}
	for name, show := range b.build.others {
		out[name] = show(rows{d})
	}
	return out
}

func same(v string) string { return v }

func windowRows[V any](r rows, s state.Window[string, V], show func(V) string) []Row {
	out := []Row{}
	for _, row := range testkit.WindowRows(r.d, s) {
		out = append(out, Row{Key: fmt.Sprintf("%s@%d", row.Key, row.Start), Value: show(row.Value), TS: row.Timestamp})
	}
	return byKey(out)
}

func sessionRows[V any](r rows, s state.Session[string, V], show func(V) string) []Row {
	out := []Row{}
	for _, row := range testkit.SessionRows(r.d, s) {
		key := fmt.Sprintf("%s@%d,%d", row.Key, row.Start, row.End)
		out = append(out, Row{Key: key, Value: show(row.Value), TS: row.Timestamp})
	}
	return byKey(out)
}

func byKey(rows []Row) []Row {
	slices.SortFunc(rows, func(a, b Row) int { return strings.Compare(a.Key, b.Key) })
	return rows
}
