package streams

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/worker"
)

// Instances are the processes that share the tasks of an application, as its group knows them.
type Instances struct {
	All     []Instance `json:"all"`     // by Process
	Unowned []string   `json:"unowned"` // tasks that none of them has, as while they move
}

// Instance is one of them.
type Instance struct {
	Process  string   `json:"process"`  // as Snapshot.Instance
	Endpoint string   `json:"endpoint"` // its Config.Endpoint; empty: it has none
	Here     bool     `json:"here"`     // it is this process
	Workers  int      `json:"workers"`  // members of the group
	Tasks    []string `json:"tasks"`    // that the group has given to it, as in Tasks
}

// Instances asks brokers, at most once a second, which processes there are, and who has which tasks. While the group
// rebalances, it tells what was before. The error wraps ErrNotRunning if the App does not run.
func (a *App) Instances(ctx context.Context) (Instances, error) {
	g := a.group()
	if g == nil {
		return Instances{}, notRunning(a.State())
	}
	members, err := g.Members(ctx)
	if err != nil {
		return Instances{}, fmt.Errorf("streams: members of the group: %w", err)
	}
	a.mu.Lock()
	own := a.mu.process
	a.mu.Unlock()
	out := Instances{All: []Instance{}, Unowned: []string{}}
	at := map[string]int{}
	for _, m := range members {
		i, known := at[m.Process]
		if !known {
			i, at[m.Process] = len(out.All), len(out.All)
			out.All = append(out.All, Instance{
				Process: m.Process, Endpoint: m.Endpoint, Here: m.Process == own, Tasks: []string{},
			})
		}
		out.All[i].Workers++
	}
	for _, sub := range a.topo.Subs() {
		n, inputs := g.TasksOf(sub.ID)
		for p := range n {
			task := graph.TaskID{Sub: sub.ID, Partition: p}.String()
			has := slices.IndexFunc(members, func(m worker.Member) bool { return m.Has(inputs, p) })
			if has < 0 {
				out.Unowned = append(out.Unowned, task)
				continue
			}
			i := at[members[has].Process]
			out.All[i].Tasks = append(out.All[i].Tasks, task)
		}
	}
	slices.SortFunc(out.All, func(x, y Instance) int { return strings.Compare(x.Process, y.Process) })
	return out, nil
}
