package conformance

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// wall is true if results depend on the wall clock, which only the driver can move.
func (s *Scenario) wall() bool {
	return slices.ContainsFunc(s.Topology, func(n Node) bool { return n.Time == "wall" })
}

// live is the scenario as it can be run outside of the driver: without the steps of the clock, which have no results,
// and without the content of stores, which only the driver shows.
func (s *Scenario) live() *Scenario {
	out := *s
	out.Steps = slices.DeleteFunc(slices.Clone(s.Steps), func(step Step) bool { return step.Pipe == nil })
	out.Stores = nil
	return &out
}

// sampled is a sample of the scenarios that can be run outside of the driver, in which every property is found, or all
// of them where MILLSTREAM_CONFORMANCE_ALL is 1.
func sampled(t *testing.T, properties func(*Scenario) []string) []*Scenario {
	sample := liveScenarios(t)
	if os.Getenv("MILLSTREAM_CONFORMANCE_ALL") != "1" {
		sample = cover(sample, properties)
	}
	t.Logf("%d of them run", len(sample))
	return sample
}

// liveScenarios are those that can be run outside of the driver.
func liveScenarios(t *testing.T) (all []*Scenario) {
	left := 0
	for _, path := range scenarios(t, "testdata") {
		s, err := Load(path)
		require.NoError(t, err)
		if s.wall() {
			left++
			continue
		}
		all = append(all, s.live())
	}
	t.Logf("%d scenarios; %d are left out, as they move the wall clock", len(all), left)
	return all
}

// cover is a small sample in which every property of the scenarios is found at least once. It is the same each time.
func cover(all []*Scenario, properties func(*Scenario) []string) (sample []*Scenario) {
	missing := map[string]bool{}
	for _, s := range all {
		for _, p := range properties(s) {
			missing[p] = true
		}
	}
	for len(missing) > 0 {
		best := slices.MaxFunc(all, func(a, b *Scenario) int { return news(a, properties, missing) - news(b, properties, missing) })
		sample = append(sample, best)
		for _, p := range properties(best) {
			delete(missing, p)
		}
	}
	return sample
}

func news(s *Scenario, properties func(*Scenario) []string, missing map[string]bool) (n int) {
	for _, p := range properties(s) {
		if missing[p] {
			n++
		}
	}
	return n
}

// operatorsOf are the operators of a scenario.
func operatorsOf(s *Scenario) (ops []string) {
	for _, n := range s.Topology {
		ops = append(ops, n.Op)
	}
	slices.Sort(ops)
	return slices.Compact(ops)
}

// detailsOf are the operators of a scenario together with what they are used on and how: with them go the kinds of
// stores.
func detailsOf(s *Scenario) (details []string) {
	ops := map[string]Node{}
	for _, n := range s.Topology {
		if n.Op == "split" {
			for _, b := range n.Branches {
				ops[n.ID+"."+b.Name] = n
			}
			ops[n.ID+"."+n.Default] = n
		}
		ops[n.ID] = n
		details = append(details, detailsOfNode(n, ops)...)
	}
	slices.Sort(details)
	return slices.Compact(details)
}

func detailsOfNode(n Node, before map[string]Node) []string {
	details := []string{n.Op + " of " + before[n.In].Op, n.Op + " with " + before[n.With].Op, n.Op + " until " + n.Until}
	for name, has := range map[string]bool{
		"history": n.HistoryMs != nil, "grace": n.GraceMs != nil, "most records": n.MaxRecords != nil, "store": n.Store != "",
		"of its own": n.In != "" && n.In == n.With, "time in value": n.Timestamp != "", "punctuation": n.Time != "",
	} {
		if has {
			details = append(details, n.Op+" "+name)
		}
	}
	window := n.Window
	if window == nil {
		window = before[n.In].Window
	}
	if window != nil {
		details = append(details, n.Op+" by window "+window.Kind)
	}
	if n.Op == "process" || n.Op == "processValues" {
		details = append(details, n.Op+" "+n.Fn)
	}
	return details
}

// statesOf are the kinds of state that a scenario has: its stateful operators and what forms their stores.
func statesOf(s *Scenario) (states []string) {
	byID := map[string]Node{}
	for _, n := range s.Topology {
		byID[n.ID] = n
		window := n.Window
		if window == nil {
			window = byID[n.In].Window
		}
		switch n.Op {
		case "count", "reduce", "aggregate", "cogroup":
			states = append(states, fmt.Sprint(n.Op, " ", byID[n.In].Op))
			if window != nil {
				states = append(states, n.Op+" by window "+window.Kind)
			}
		case "table":
			states = append(states, fmt.Sprint("table, history ", n.HistoryMs != nil))
		case "join", "leftJoin", "outerJoin":
			states = append(states, fmt.Sprint(n.Op, " windowed ", n.Window != nil, " grace ", n.GraceMs != nil,
				" with ", byID[n.With].Op == "globalTable", " itself ", n.In == n.With))
		case "globalTable", "toTable", "fkJoin", "fkLeftJoin", "suppress", "process", "processValues":
			states = append(states, n.Op+n.Fn+n.Until)
		}
	}
	slices.Sort(states)
	return slices.Compact(states)
}
