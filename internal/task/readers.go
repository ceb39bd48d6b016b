package task

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/storage"
)

// Readers are the running tasks of a process, for goroutines that ask what was committed. Who asks takes no lock:
// workers exchange the whole map when a task comes or goes.
type Readers struct {
	changing sync.Mutex
	tasks    atomic.Pointer[map[graph.TaskID][]*Reader] // each worker has its global tables
}

// Reader shows what one running task has committed. It does not change.
type Reader struct {
	ID         graph.TaskID
	Partitions int32 // that tasks of its sub-topology have

	databases []database
	stores    []kept
	inputs    []begun
	times     map[string]int64 // when the task began, see timesToCommit
	current   *atomic.Int64    // see Set.current
}

// kept is where the rows of a store are.
type kept struct {
	spec   storage.Spec
	db     int // of Reader.databases
	prefix []byte
}

// begun is where a task began in an input. As long as the database has the place that it had then, what the task has
// committed is the former; behind the next commit it is the database's.
type begun struct {
	topic     string
	partition int32
	from      int64
	stored    Place
}

// Of are the running tasks of a sub-topology, by partition. The global tables are all the same: of them it is one.
func (r *Readers) Of(sub int) (tasks []*Reader) {
	all := r.tasks.Load()
	if all == nil {
		return nil
	}
	for id, readers := range *all {
		if id.Sub == sub {
			tasks = append(tasks, readers[0])
		}
	}
	slices.SortFunc(tasks, func(x, y *Reader) int { return int(x.ID.Partition) - int(y.ID.Partition) })
	return tasks
}

// Task is the running task with an id, nil if there is none.
func (r *Readers) Task(id graph.TaskID) *Reader {
	if all := r.tasks.Load(); all != nil && len((*all)[id]) > 0 {
		return (*all)[id][0]
	}
	return nil
}

func (r *Readers) change(fn func(tasks map[graph.TaskID][]*Reader)) {
	if r == nil {
		return
	}
	r.changing.Lock()
	defer r.changing.Unlock()
	tasks := map[graph.TaskID][]*Reader{}
	if all := r.tasks.Load(); all != nil {
		tasks = maps.Clone(*all)
	}
	fn(tasks)
	r.tasks.Store(&tasks)
}

func (r *Readers) add(x *Reader) {
	r.change(func(tasks map[graph.TaskID][]*Reader) {
		tasks[x.ID] = append(slices.Clip(tasks[x.ID]), x)
	})
}

func (r *Readers) remove(x *Reader) {
	r.change(func(tasks map[graph.TaskID][]*Reader) {
		left := slices.DeleteFunc(slices.Clone(tasks[x.ID]), func(y *Reader) bool { return y == x })
		if tasks[x.ID] = left; len(left) == 0 {
			delete(tasks, x.ID)
		}
	})
}

// reader is what others may read of a task that starts.
func (t *Task) reader() *Reader {
	r := &Reader{ID: t.ID, databases: t.databases, times: maps.Clone(t.times), current: &t.set.current}
	for _, c := range t.changelogs {
		k := kept{spec: c.spec, prefix: c.prefix}
		if c.spec.Options().InMemory {
			k.db = 1
		}
		r.stores = append(r.stores, k)
	}
	for _, in := range t.inputs {
		r.inputs = append(r.inputs, begun{in.Topic, in.Partition, max(in.position, 0), in.stored})
	}
	for _, topic := range t.topo.Inputs(t.sub) {
		r.Partitions = max(r.Partitions, t.config.Partitions[topic])
	}
	return r
}

// Show lets others read the global tables, which are complete.
func (g *Global) Show() {
	r := &Reader{
		ID: graph.TaskID{Sub: graph.GlobalSub}, Partitions: 1, databases: []database{g.db}, current: &g.set.current,
	}
	for i, spec := range g.set.topo.Global().Stores {
		r.stores = append(r.stores, kept{spec: spec, prefix: g.prefixes[i]})
	}
	g.reader = r
	g.set.config.Readers.add(r)
}
