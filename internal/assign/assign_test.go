package assign_test

import (
	"fmt"
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

// TestBalancedAndWhole: each task goes to one member, no member has two more than another, and the order of members
// does not matter.
func TestBalancedAndWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := tasks(rapid.IntRange(1, 4).Draw(t, "subs"), rapid.Int32Range(1, 12).Draw(t, "partitions"))
		claims := rapid.SliceOf(rapid.SampledFrom(append(all, assign.Task{Sub: 99})))
		var members []assign.Member
		for i := range rapid.IntRange(1, 6).Draw(t, "members") {
			members = append(members, assign.Member{
				ID: fmt.Sprint("m", i), Generation: rapid.Int32Range(-1, 3).Draw(t, "generation"),
				Owned: claims.Draw(t, "owned"), Stored: claims.Draw(t, "stored"),
			})
		}
		got := assign.Tasks(all, members)
		seen := map[assign.Task]bool{}
		least, most := len(all), 0
		for _, m := range members {
			for _, task := range got[m.ID] {
				require.False(t, seen[task], "%v is given twice", task)
				seen[task] = true
			}
			least, most = min(least, len(got[m.ID])), max(most, len(got[m.ID]))
		}
		require.Len(t, seen, len(all))
		require.LessOrEqual(t, most-least, 1)

		shuffled := slices.Clone(members)
		rand.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		require.Equal(t, got, assign.Tasks(all, shuffled))
	})
}

// TestWhatIsBalancedStays: without a change of members no task moves.
func TestWhatIsBalancedStays(t *testing.T) {
	all := tasks(3, 5)
	members := []assign.Member{{ID: "a"}, {ID: "b"}, {ID: "c"}, {ID: "d"}}
	first := assign.Tasks(all, members)
	for i := range members {
		members[i].Owned = first[members[i].ID]
	}
	require.Equal(t, first, assign.Tasks(all, members))
}

// TestNewMemberTakesFromOthers moves no more than its share.
func TestNewMemberTakesFromOthers(t *testing.T) {
	all := tasks(2, 6)
	first := assign.Tasks(all, []assign.Member{{ID: "a"}, {ID: "b"}})
	second := assign.Tasks(all, []assign.Member{{ID: "a", Owned: first["a"]}, {ID: "b", Owned: first["b"]}, {ID: "c"}})
	require.Len(t, second["c"], 4)
	for _, id := range []string{"a", "b"} {
		for _, task := range second[id] {
			require.Contains(t, first[id], task)
		}
	}
}

// TestStateDecides: a member that comes back gets the tasks that its disk has.
func TestStateDecides(t *testing.T) {
	all := tasks(1, 4)
	got := assign.Tasks(all, []assign.Member{
		{ID: "a", Stored: []assign.Task{{Partition: 1}, {Partition: 3}}}, {ID: "b"},
	})
	require.Equal(t, []assign.Task{{Partition: 1}, {Partition: 3}}, got["a"])
}

// TestNewerClaimWins: of two members that claim a task, the older generation's claim is out of date.
func TestNewerClaimWins(t *testing.T) {
	task := assign.Task{Partition: 0}
	got := assign.Tasks(tasks(1, 2), []assign.Member{
		{ID: "a", Generation: 4, Owned: []assign.Task{task}}, {ID: "b", Generation: 5, Owned: []assign.Task{task}},
	})
	require.Equal(t, []assign.Task{task}, got["b"])
}
