package assign_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/millstream-go/millstream/internal/assign"
)

func tasks(subs int, partitions int32) (out []assign.Task) {
	for s := range subs {
		for p := range partitions {
			out = append(out, assign.Task{Sub: s, Partition: p})
		}
	}
	return out
}

// group draws a group of processes with members; each process has its workers, and whatever claims.
func group(t *rapid.T) assign.Group {
	g := assign.Group{Stateful: map[int]bool{}}
	for s := range rapid.IntRange(1, 4).Draw(t, "subs") {
		for p := range rapid.Int32Range(1, 12).Draw(t, "partitions") {
			g.Tasks = append(g.Tasks, assign.Task{Sub: s, Partition: p})
		}
		g.Stateful[s] = rapid.Bool().Draw(t, "stateful")
	}
	claims := rapid.SliceOf(rapid.SampledFrom(append(slices.Clone(g.Tasks), assign.Task{Sub: 99})))
	for i := range rapid.IntRange(1, 5).Draw(t, "processes") {
		for w := range rapid.IntRange(1, 4).Draw(t, "workers") {
			m := assign.Member{
				ID: fmt.Sprint("m", i, "-", w), Process: fmt.Sprint("p", i),
				Generation: rapid.Int32Range(-1, 3).Draw(t, "generation"), Owned: claims.Draw(t, "owned"),
			}
			for _, s := range claims.Draw(t, "stored") {
				m.Stored = append(m.Stored, assign.Copy{Task: s, Age: rapid.IntRange(-1, 40).Draw(t, "age")})
			}
			g.Members = append(g.Members, m)
		}
	}
	return g
}

// spread is the least and the most that any of the hands has of the tasks that count, a hand being one or more members.
func spread(dealt map[string][]assign.Task, hands [][]string, counts func(assign.Task) bool) (least, most int) {
	least = 1 << 30
	for _, ids := range hands {
		n := 0
		for _, id := range ids {
			for _, t := range dealt[id] {
				if counts(t) {
					n++
				}
			}
		}
		least, most = min(least, n), max(most, n)
	}
	return least, most
}

// requireFair checks that each kind of tasks is spread over the members, and over processes by their members.
func requireFair(t require.TestingT, g assign.Group, dealt map[string][]assign.Task) {
	kinds := map[string]func(assign.Task) bool{
		"all": func(assign.Task) bool { return true }, "state": func(x assign.Task) bool { return g.Stateful[x.Sub] },
	}
	for _, x := range g.Tasks {
		kinds[fmt.Sprint("sub-topology ", x.Sub)] = func(y assign.Task) bool { return y.Sub == x.Sub }
	}
	var each [][]string
	processes := map[string][]string{}
	for _, m := range g.Members {
		each = append(each, []string{m.ID})
		processes[m.Process] = append(processes[m.Process], m.ID)
	}
	for name, counts := range kinds {
		least, most := spread(dealt, each, counts)
		require.LessOrEqual(t, most-least, 1, "%s over members", name)
		total := 0
		for _, x := range g.Tasks {
			if counts(x) {
				total++
			}
		}
		for p, ids := range processes {
			n, _ := spread(dealt, [][]string{ids}, counts)
			exact := float64(total) * float64(len(ids)) / float64(len(g.Members))
			require.Less(t, exact-float64(n), 1.0, "%s of process %s", name, p)
			require.Less(t, float64(n)-exact, 1.0, "%s of process %s", name, p)
		}
	}
}

// TestBalancedAndWhole: each task goes to one member, each kind is spread evenly, and neither the order of members nor
// a second call makes a difference.
func TestBalancedAndWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := group(t)
		got := g.Deal()
		var all []assign.Task
		for _, m := range g.Members {
			all = append(all, got[m.ID]...)
		}
		require.ElementsMatch(t, g.Tasks, all)
		requireFair(t, g, got)

		other := g
		other.Members, other.Tasks = slices.Clone(g.Members), slices.Clone(g.Tasks)
		rand.Shuffle(len(other.Members), func(i, j int) {
			other.Members[i], other.Members[j] = other.Members[j], other.Members[i]
		})
		rand.Shuffle(len(other.Tasks), func(i, j int) { other.Tasks[i], other.Tasks[j] = other.Tasks[j], other.Tasks[i] })
		require.Equal(t, got, other.Deal())
	})
}

// own has the members run what was dealt.
func own(members []assign.Member, dealt map[string][]assign.Task) {
	for i := range members {
		members[i].Owned, members[i].Generation = dealt[members[i].ID], 7
	}
}

// TestWhatIsBalancedStays: without a change of members no task moves, whatever lies on the disks.
func TestWhatIsBalancedStays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := group(t)
		own(g.Members, g.Deal())
		first := g.Deal()
		own(g.Members, first)
		require.Equal(t, first, g.Deal())
	})
}

// TestNewMemberTakesFromOthers moves no more than its share, and nothing among the others.
func TestNewMemberTakesFromOthers(t *testing.T) {
	g := assign.Group{Tasks: tasks(2, 6), Stateful: map[int]bool{1: true}, Members: []assign.Member{{ID: "a"}, {ID: "b"}}}
	first := g.Deal()
	own(g.Members, first)
	g.Members = append(g.Members, assign.Member{ID: "c"})
	second := g.Deal()
	require.Len(t, second["c"], 4)
	for _, id := range []string{"a", "b"} {
		require.Subset(t, first[id], second[id])
	}
	requireFair(t, assign.Group{Tasks: g.Tasks, Stateful: g.Stateful, Members: []assign.Member{
		{ID: "a", Process: "a"}, {ID: "b", Process: "b"}, {ID: "c", Process: "c"},
	}}, second)
}

// TestTheFewestTasksMove: what was dealt by any other rule is mended with no more moves than balance asks for.
func TestTheFewestTasksMove(t *testing.T) {
	all := tasks(2, 4)
	g := assign.Group{Tasks: all, Stateful: map[int]bool{1: true}, Members: []assign.Member{
		{ID: "a", Owned: all[:4]}, {ID: "b", Owned: all[4:]},
	}}
	got := g.Deal()
	for _, id := range []string{"a", "b"} {
		require.Len(t, got[id], 4)
		kept := 0
		for _, x := range got[id] {
			if slices.Contains(g.Members[id[0]-'a'].Owned, x) {
				kept++
			}
		}
		require.Equal(t, 2, kept, "two of four tasks stay, two of the other sub-topology come")
	}
}

// TestStateDecides: a process that comes back gets the tasks that its disk has, and of two copies the newer one is
// used.
func TestStateDecides(t *testing.T) {
	copies := func(age int, partitions ...int32) (out []assign.Copy) {
		for _, p := range partitions {
			out = append(out, assign.Copy{Task: assign.Task{Partition: p}, Age: age})
		}
		return out
	}
	g := assign.Group{Tasks: tasks(1, 4), Members: []assign.Member{{ID: "a", Stored: copies(3, 1, 3)}, {ID: "b"}}}
	require.Equal(t, []assign.Task{{Partition: 1}, {Partition: 3}}, g.Deal()["a"])
	g.Members[1].Stored = copies(2, 0, 3)
	require.Equal(t, []assign.Task{{Partition: 1}, {Partition: 2}}, g.Deal()["a"])
}

// TestADiskIsShared: one member of a process tells what lies there, and any of its members may get it.
func TestADiskIsShared(t *testing.T) {
	var stored []assign.Copy
	for _, p := range []int32{0, 2, 5, 7} {
		stored = append(stored, assign.Copy{Task: assign.Task{Partition: p}})
	}
	g := assign.Group{Tasks: tasks(1, 8), Stateful: map[int]bool{0: true}, Members: []assign.Member{
		{ID: "a", Process: "x", Stored: stored}, {ID: "b", Process: "x"}, {ID: "c", Process: "y"}, {ID: "d", Process: "y"},
	}}
	got := g.Deal()
	require.ElementsMatch(t, []assign.Task{{Partition: 0}, {Partition: 2}, {Partition: 5}, {Partition: 7}},
		append(got["a"], got["b"]...))
	require.Len(t, got["a"], 2)
}

// TestNewerClaimWins: of two members that claim a task, the older generation's claim is out of date.
func TestNewerClaimWins(t *testing.T) {
	task := assign.Task{Partition: 0}
	got := assign.Group{Tasks: tasks(1, 2), Members: []assign.Member{
		{ID: "a", Generation: 4, Owned: []assign.Task{task}}, {ID: "b", Generation: 5, Owned: []assign.Task{task}},
	}}.Deal()
	require.Equal(t, []assign.Task{task}, got["b"])
}

// TestWhoCannotRunATaskGetsNone: such tasks are shared by the others, and one that nobody can run is left.
func TestWhoCannotRunATaskGetsNone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := group(t)
		able := map[int][]string{}
		for i := range g.Members {
			g.Members[i].Unable = map[int]bool{}
			for s := range 4 {
				if rapid.Bool().Draw(t, "unable") {
					g.Members[i].Unable[s] = true
				} else {
					able[s] = append(able[s], g.Members[i].ID)
				}
			}
		}
		got := g.Deal()
		given := map[assign.Task]bool{}
		for _, m := range g.Members {
			for _, x := range got[m.ID] {
				require.False(t, m.Unable[x.Sub])
				require.False(t, given[x])
				given[x] = true
			}
		}
		for _, x := range g.Tasks {
			require.Equal(t, len(able[x.Sub]) > 0, given[x])
		}
		for s, ids := range able {
			var hands [][]string
			for _, id := range ids {
				hands = append(hands, []string{id})
			}
			least, most := spread(got, hands, func(x assign.Task) bool { return x.Sub == s })
			require.LessOrEqual(t, most-least, 1)
		}
	})
}

// TestShapes shows what each process gets, and fails if state lies on one side.
func TestShapes(t *testing.T) {
	for _, shape := range []struct {
		name    string
		workers []int
		tasks   []assign.Task
	}{
		{"2 processes, 2 sub-topologies of 4", []int{1, 1}, tasks(2, 4)},
		{"2 processes of 4 workers, 2 sub-topologies of 4", []int{4, 4}, tasks(2, 4)},
		{"3 processes of 1 worker, 3 sub-topologies of 4", []int{1, 1, 1}, tasks(3, 4)},
		{"3 processes of 4 workers, 3 sub-topologies of 4", []int{4, 4, 4}, tasks(3, 4)},
		{"3 processes of 1, 4 and 4 workers, 2 sub-topologies of 9", []int{1, 4, 4}, tasks(2, 9)},
	} {
		g := assign.Group{Tasks: shape.tasks, Stateful: map[int]bool{1: true}}
		for p, workers := range shape.workers {
			for w := range workers {
				g.Members = append(g.Members, assign.Member{ID: fmt.Sprint(p, "-", w), Process: fmt.Sprint(p)})
			}
		}
		got := g.Deal()
		requireFair(t, g, got)
		var lines []string
		for p := range shape.workers {
			count := map[int]int{}
			for _, m := range g.Members {
				if m.Process == fmt.Sprint(p) {
					for _, x := range got[m.ID] {
						count[x.Sub]++
					}
				}
			}
			var parts []int
			for _, s := range slices.Sorted(maps.Keys(count)) {
				parts = append(parts, count[s])
			}
			lines = append(lines, fmt.Sprint(parts))
		}
		t.Logf("%s: %v", shape.name, lines)
	}
}

// BenchmarkDeal is a hundred members and a thousand tasks, of which a tenth move.
func BenchmarkDeal(b *testing.B) {
	for _, partitions := range []int32{100, 1000} {
		b.Run(fmt.Sprint(partitions*10), func(b *testing.B) {
			g := assign.Group{Tasks: tasks(10, partitions), Stateful: map[int]bool{1: true, 3: true}}
			for i := range 100 {
				g.Members = append(g.Members, assign.Member{ID: fmt.Sprint("m", i), Process: fmt.Sprint("p", i/4)})
			}
			own(g.Members, g.Deal())
			g.Members = g.Members[:90]
			for b.Loop() {
				g.Deal()
			}
		})
	}
}
