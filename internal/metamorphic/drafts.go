package metamorphic

import (
	"fmt"

	"github.com/millstream-go/millstream/internal/conformance"
)

// draft makes a node without its id. Its operands need not fit.
type draft func(g *generator) conformance.Node

// drafts are the operators with their weights.
var drafts = []struct {
	weight int
	draft  draft
}{
	{1, draftSource}, {2, draftTable}, {1, draftGlobalTable},
	{4, draftStateless}, {3, draftRekey}, {1, draftSplit}, {2, draftMerge},
	{2, draftRepartition}, {2, draftToTable}, {4, draftToStream}, {4, draftRowwise},
	{10, draftGroup}, {3, draftWindows}, {3, draftFold}, {3, draftCogroup}, {6, draftSuppress},
	{8, draftJoinStreams}, {6, draftJoinTable}, {4, draftJoinTables}, {4, draftJoinGlobal}, {4, draftForeignKey},
	{3, draftProcess},
}

func (g *generator) draft() draft {
	total := 0
	for _, d := range drafts {
		total += d.weight
	}
	at := g.IntN(total)
	for _, d := range drafts {
		if at -= d.weight; at < 0 {
			return d.draft
		}
	}
	panic("metamorphic: weights")
}

func draftSource(g *generator) conformance.Node {
	n := conformance.Node{Op: "stream", Topic: fmt.Sprintf("in%d", g.next)}
	if g.rules.disorder && g.one(5) {
		n.Timestamp = "value"
	}
	return n
}

func draftTable(g *generator) conformance.Node {
	n := conformance.Node{Op: "table", Topic: fmt.Sprintf("in%d", g.next), Store: g.store()}
	if g.one(2) && !g.rules.free {
		history := pick[int64](g, 10, 50, 1000)
		n.HistoryMs = &history
	}
	return n
}

func draftGlobalTable(g *generator) conformance.Node {
	return conformance.Node{Op: "globalTable", Topic: fmt.Sprintf("in%d", g.next), Store: g.store()}
}

// store is a name for the store of the next node.
func (g *generator) store() string { return fmt.Sprintf("s%d", g.next) }

func (g *generator) predicate() string {
	return pick(g, "valueHas:x", "valueHas:a", "keyIs:a", "lenOdd", "notNull", "all")
}

func (g *generator) valueFn() string {
	return pick(g, "upper", "suffix:!", "len", "first", "nullIf:x", "nullHas:y", "same")
}

func (g *generator) keyFn() string {
	return pick(g, "key", "value", "first", "firstUnless:x", "nullIf:x", "bare", "constant:k", "null")
}

func draftStateless(g *generator) conformance.Node {
	n := conformance.Node{In: g.operand(stream)}
	n.Op = pick(g, "filter", "filterNot", "mapValues", "flatMapValues", "processValues")
	switch n.Op {
	case "mapValues":
		n.Fn = g.valueFn()
	case "filter", "filterNot":
		n.Pred = g.predicate()
	case "processValues":
		n.Fn, n.Store = "running", g.store()
	}
	return n
}

// draftRowwise is for tables.
func draftRowwise(g *generator) conformance.Node {
	n := conformance.Node{Op: pick(g, "filter", "filterNot", "mapValues"), In: g.operand(table)}
	if n.Op == "mapValues" {
		n.Fn = g.valueFn()
	} else {
		n.Pred = g.predicate()
	}
	if g.one(2) {
		n.Store = g.store()
	}
	return n
}

func draftRekey(g *generator) conformance.Node {
	n := conformance.Node{Op: pick(g, "map", "selectKey", "flatMap"), In: g.operand(stream)}
	switch n.Op {
	case "map":
		n.Fn = pick(g, "swap", "keyed", "split")
	case "selectKey":
		n.Fn = g.keyFn()
	}
	return n
}

func draftSplit(g *generator) conformance.Node {
	n := conformance.Node{Op: "split", In: g.operand(stream), Default: pick(g, "", "rest")}
	for i := range g.IntN(2) + 1 {
		n.Branches = append(n.Branches, conformance.Branch{Name: fmt.Sprintf("b%d", i), Pred: g.predicate()})
	}
	return n
}

func draftMerge(g *generator) conformance.Node {
	one := g.operand(stream)
	return conformance.Node{Op: "merge", Ins: []string{one, g.other(stream, one)}}
}

func draftRepartition(g *generator) conformance.Node {
	return conformance.Node{Op: "repartition", In: g.operand(stream)}
}

func draftToTable(g *generator) conformance.Node {
	return conformance.Node{Op: "toTable", In: g.operand(stream), Store: g.store()}
}

func draftToStream(g *generator) conformance.Node {
	n := conformance.Node{Op: "toStream", In: g.operand(table, windowTable, results)}
	if g.one(3) {
		n.Fn = g.keyFn()
	}
	return n
}

func draftGroup(g *generator) conformance.Node {
	n := conformance.Node{Op: pick(g, "groupByKey", "groupBy"), In: g.operand(stream)}
	if n.Op == "groupBy" {
		n.Fn = g.keyFn()
		if g.one(2) {
			n.In, n.ValueFn = g.operand(table), pick(g, "", "first", "nullIf:x")
		}
	}
	return n
}

func draftWindows(g *generator) conformance.Node {
	return conformance.Node{Op: "windowedBy", In: g.operand(group), Window: g.window()}
}

func (g *generator) window() *conformance.Window {
	w := &conformance.Window{Kind: pick(g, "tumbling", "hopping", "sliding", "session"), GraceMs: pick[int64](g, 0, 5, 20)}
	switch w.Kind {
	case "session":
		w.GapMs = pick[int64](g, 3, 8)
	case "hopping":
		w.SizeMs, w.AdvanceMs = 12, pick[int64](g, 4, 5)
	default:
		w.SizeMs = pick[int64](g, 7, 10)
	}
	return w
}

func draftFold(g *generator) conformance.Node {
	n := conformance.Node{Op: pick(g, "count", "reduce", "aggregate"), Store: g.store()}
	n.In = g.operand(group, tableGroup, windowed, sessions)
	switch n.Op {
	case "reduce":
		n.Fn = pick(g, "concat", "last", "first", "max")
	case "aggregate":
		n.Fn = pick(g, "concat", "sumLen", "sumLen", "nullOn:x")
	}
	return n
}

func draftCogroup(g *generator) conformance.Node {
	n := conformance.Node{Op: "cogroup", Ins: []string{g.operand(group)}, Store: g.store()}
	if other := g.other(group, n.Ins[0]); other != "none" {
		n.Ins = append(n.Ins, other)
	}
	if g.one(2) {
		n.Window = g.window()
	}
	return n
}

func draftSuppress(g *generator) conformance.Node {
	if g.one(2) {
		return conformance.Node{Op: "suppress", In: g.operand(windowTable), Until: "windowClose"}
	}
	n := conformance.Node{Op: "suppress", In: g.operand(table), Until: "timeLimit", Ms: pick[int64](g, 3, 15)}
	if g.one(3) {
		most := pick[int64](g, 1, 2, 3)
		n.MaxRecords = &most
	}
	return n
}

func draftJoinStreams(g *generator) conformance.Node {
	n := conformance.Node{Op: pick(g, "join", "leftJoin", "outerJoin"), In: g.operand(stream)}
	if n.With = g.other(stream, n.In); g.one(8) {
		n.Op, n.With = "join", n.In
	}
	n.Window = &conformance.Window{
		BeforeMs: pick[int64](g, 0, 4, 9), AfterMs: pick[int64](g, 0, 4, 9), GraceMs: pick[int64](g, 0, 6, 20),
	}
	return n
}

func draftJoinTable(g *generator) conformance.Node {
	n := conformance.Node{Op: pick(g, "join", "leftJoin"), In: g.operand(stream), With: g.operand(table)}
	if g.rules.flows[n.With].versioned && g.one(2) {
		grace := pick[int64](g, 0, 5, 10) // not longer than the shortest history
		n.GraceMs = &grace
	}
	return n
}

func draftJoinTables(g *generator) conformance.Node {
	n := conformance.Node{Op: pick(g, "join", "leftJoin", "outerJoin"), In: g.operand(table)}
	n.With = g.other(table, n.In)
	if g.one(2) {
		n.Store = g.store()
	}
	return n
}

func draftJoinGlobal(g *generator) conformance.Node {
	return conformance.Node{
		Op: pick(g, "join", "leftJoin"), In: g.operand(stream), With: g.operand(globalTable), Fn: g.keyFn(),
	}
}

func draftForeignKey(g *generator) conformance.Node {
	n := conformance.Node{Op: pick(g, "fkJoin", "fkLeftJoin"), In: g.operand(table), Store: g.store()}
	n.With = g.other(table, n.In)
	return n
}

func draftProcess(g *generator) conformance.Node {
	n := conformance.Node{Op: "process", Fn: pick(g, "bufferFlush", "dedupe"), In: g.operand(stream), Store: g.store()}
	if n.Fn == "dedupe" {
		n.TTLMs = pick[int64](g, 3, 10)
		return n
	}
	n.EveryMs, n.Time = pick[int64](g, 5, 12), pick(g, "stream", "wall")
	return n
}
