package metamorphic

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/conformance"
)

// TestCoverage shows that the usual cases hold every operator, window, join, variation and promise.
func TestCoverage(t *testing.T) {
	seen := map[string]int{}
	for seed := uint64(1); seed <= usualCases; seed++ {
		c := New(seed)
		r, err := c.rules()
		require.NoError(t, err, "seed %d", seed)
		for _, name := range r.features(c) {
			seen[name]++
		}
	}
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		t.Logf("%4d %s", seen[name], name)
	}
	wanted := slices.Concat(conformance.Operators(), []string{
		"windowedBy tumbling", "windowedBy hopping", "windowedBy sliding", "windowedBy session", "count of windows",
		"reduce of windows", "aggregate of windows", "count of a table's groups", "reduce of a table's groups",
		"aggregate of a table's groups", "cogroup session", "suppress windowClose", "suppress timeLimit",
		"process dedupe", "process bufferFlush", "join of streams", "leftJoin of streams", "outerJoin of streams",
		"join of itself", "join of a stream and a table", "leftJoin of a stream and a table", "join with grace",
		"join with a global table", "leftJoin with a global table",
		"join of tables", "leftJoin of tables", "outerJoin of tables", "versioned table", "filter of a table",
		"behind 1 repartition topics", "behind 2 repartition topics", "exact", "bag", "final", "other partitions",
		"at least once", "pebble", "in memory", string(Commit), string(Pause), string(Restart), string(LoseState),
		string(CrashBefore), string(CrashDuring), string(CrashAfter),
	})
	for _, name := range wanted {
		require.NotZero(t, seen[name], name)
	}
}

// features are what a case has to show.
func (r *rules) features(c *Case) (names []string) {
	for _, n := range c.Scenario.Topology {
		names = append(names, n.Op)
		switch of := r.flows[cmp.Or(n.In, "none")]; {
		case n.Window != nil && n.Window.Kind != "":
			names = append(names, n.Op+" "+n.Window.Kind)
		case n.HistoryMs != nil:
			names = append(names, "versioned table")
		case n.With != "":
			names = append(names, r.joinOf(n)...)
		case n.Op == "suppress":
			names = append(names, n.Op+" "+n.Until)
		case n.Op == "process":
			names = append(names, n.Op+" "+n.Fn)
		case of.kind == tableGroup:
			names = append(names, n.Op+" of a table's groups")
		case of.kind == windowed || of.kind == sessions:
			names = append(names, n.Op+" of windows")
		case of.kind == table:
			names = append(names, n.Op+" of a table")
		}
	}
	for _, p := range r.promises {
		names = append(names, [...]string{"exact", "bag", "final"}[p])
	}
	for _, f := range r.flows {
		if f.depth() > 0 {
			names = append(names, fmt.Sprintf("behind %d repartition topics", min(f.depth(), 2)))
		}
	}
	return append(names, c.Variation.features(r.free)...)
}

func (r *rules) joinOf(n conformance.Node) (names []string) {
	switch {
	case n.In == n.With:
		return []string{n.Op + " of itself"}
	case n.Window != nil:
		return []string{n.Op + " of streams"}
	case n.GraceMs != nil:
		return []string{n.Op + " with grace"}
	case r.flows[n.In].kind == table:
		return []string{n.Op + " of tables"}
	case r.flows[n.With].kind == globalTable:
		return []string{n.Op + " with a global table"}
	}
	return []string{n.Op + " of a stream and a table"}
}

func (v *Variation) features(free bool) (names []string) {
	for name, has := range map[string]bool{
		"other partitions": free, "at least once": v.AtLeastOnce, "pebble": v.Pebble, "in memory": v.InMemory != nil,
	} {
		if has {
			names = append(names, name)
		}
	}
	for _, e := range v.Events {
		names = append(names, string(e.Do))
	}
	return names
}
