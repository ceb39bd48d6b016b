package metamorphic

import (
	"cmp"
	"slices"
)

// variation is a random way of running the generator's topology.
func (g *generator) variation(partitions int32, steps int) Variation {
	v := plain(partitions)
	v.CommitEvery = pick(g, 0, 1, 2, 3, 7)
	v.CacheBytes = pick[int64](g, 1, 300, 4<<10, plenty)
	v.Pebble = g.one(6)
	if g.one(3) {
		v.InMemory = g.someStores()
	}
	actions := []Action{Commit, Pause}
	if !g.rules.flush {
		if v.AtLeastOnce = g.one(6); !v.AtLeastOnce {
			actions = append(actions, CrashBefore, CrashDuring, CrashAfter)
		}
		actions = append(actions, Restart, LoseState)
	}
	for range g.IntN(8) {
		v.Events = append(v.Events, Event{Before: g.IntN(steps + 1), Do: pick(g, actions...)})
	}
	slices.SortStableFunc(v.Events, func(a, b Event) int { return cmp.Compare(a.Before, b.Before) })
	return v
}

// someStores are names of stores: of all that nodes name, and of those that are called like their nodes.
func (g *generator) someStores() (names []string) {
	all := g.one(2)
	for _, n := range g.nodes {
		if name := cmp.Or(n.Store, n.ID); name != "" && (all || g.one(2)) {
			names = append(names, name)
		}
	}
	return names
}
