package metamorphic

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/millstream-go/millstream/internal/conformance"
)

// New is the case of a seed.
func New(seed uint64) *Case {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 0))}
	disorder := g.one(2)
	parts := int32(1)
	if g.one(3) {
		parts = g.Int32N(3) + 2
	}
	varied := parts
	if g.one(4) {
		varied = g.Int32N(4) + 1
	}
	g.rules = newRules(disorder, parts, varied)
	g.topology()
	s := &conformance.Scenario{
		Name: fmt.Sprintf("case-%d", seed), Kind: "metamorphic", Topology: g.nodes, Steps: g.steps(),
	}
	return &Case{Seed: seed, Scenario: s, Plain: plain(parts), Variation: g.variation(varied, len(s.Steps))}
}

// generator makes a case of random numbers.
type generator struct {
	*rand.Rand
	rules *rules
	nodes []conformance.Node
	used  map[string]bool // ids that a node reads
	next  int
}

// one is true once in n times.
func (g *generator) one(n int) bool { return g.IntN(n) == 0 }

func pick[T any](g *generator, list ...T) T { return list[g.IntN(len(list))] }

// topology makes sources, then operators that the rules allow, then outputs for what is left.
func (g *generator) topology() {
	g.used = map[string]bool{}
	g.grow(pick(g, draftSource, draftTable))
	for range g.IntN(3) {
		g.grow(pick(g, draftSource, draftTable, draftGlobalTable))
	}
	size := len(g.nodes) + g.IntN(8) + 3
	for range 40 {
		if len(g.nodes) < size {
			g.grow(g.following())
		}
	}
	for done := 0; done < len(g.nodes); { // finishing adds nodes, which are finished in turn
		g.finish(g.nodes[done])
		done++
	}
}

// following is a draft that often goes on from the last node: groups are made to be aggregated.
func (g *generator) following() draft {
	last := g.nodes[len(g.nodes)-1]
	switch g.rules.flows[last.ID].kind {
	case group:
		return pick(g, draftWindows, draftWindows, draftWindows, draftFold, draftFold, draftCogroup, draftGroup)
	case tableGroup, windowed, sessions:
		return draftFold
	case windowTable:
		return pick(g, draftSuppress, draftToStream, g.draft())
	}
	return g.draft()
}

// grow adds a node of a draft, with operands to which the rules agree, if a few tries find some.
func (g *generator) grow(d draft) {
	for range 10 {
		g.next++
		n := d(g)
		if n.Op != "to" {
			n.ID = fmt.Sprintf("n%d", g.next)
		}
		if g.add(n) {
			return
		}
	}
}

func (g *generator) add(n conformance.Node) bool {
	if g.rules.add(n) != nil {
		return false
	}
	g.nodes = append(g.nodes, n)
	for _, id := range n.Operands() {
		g.used[id] = true
	}
	return true
}

// finish leads what nothing reads to an output, or to what may have one.
func (g *generator) finish(n conformance.Node) {
	for _, id := range n.Results() {
		if !g.used[id] {
			g.next++
			g.add(g.ending(id, g.rules.flows[id]))
		}
	}
}

func (g *generator) ending(id string, f flow) conformance.Node {
	own := fmt.Sprintf("n%d", g.next)
	switch f.kind {
	case table, windowTable, results:
		return conformance.Node{ID: own, Op: "toStream", In: id}
	case stream:
		return conformance.Node{Op: "to", In: id, Topic: fmt.Sprintf("out%d", g.next)}
	}
	return conformance.Node{ID: own, Op: "count", In: id, Store: own + "-store"}
}

// operand is a node of one of some kinds, more often than not the newest; none if there is no such node.
func (g *generator) operand(kinds ...kind) string {
	found := g.operands(kinds)
	switch {
	case found == nil:
		return "none"
	case g.one(2):
		return found[len(found)-1] // deep topologies find more than broad ones
	}
	return pick(g, found...)
}

// other is another node of a kind; none if there is no other.
func (g *generator) other(of kind, than string) string {
	found := slices.DeleteFunc(g.operands([]kind{of}), func(id string) bool { return id == than })
	if len(found) == 0 {
		return "none"
	}
	return pick(g, found...)
}

func (g *generator) operands(kinds []kind) (found []string) {
	for _, n := range g.nodes {
		for _, id := range n.Results() {
			if slices.Contains(kinds, g.rules.flows[id].kind) {
				found = append(found, id)
			}
		}
	}
	return found
}
