package task

import (
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/state"
)

// View is a running task as it is seen from outside. It does not change.
type View struct {
	ID         graph.TaskID
	StreamTime int64 // -1 before the first record
	Records    int64 // processed since the task runs
	Dropped    int64 // of them, and before they were processed, since the task runs
	Inputs     []InputView
	Stores     []StoreView
	LastError  error // of the last record that was left out; nil: there was none
	ErrorAt    int64 // its time by the wall clock, in milliseconds
}

// InputView is an input partition of a task.
type InputView struct {
	Topic     string
	Partition int32
	Committed int64 // offset; -1: none yet
	Position  int64 // offset of the record to process next
	End       int64 // of the partition, as last heard; -1: not known
	Time      int64 // highest timestamp processed; -1 before the first
	Buffered  int   // records that were fetched and wait
	Paused    bool  // nothing is fetched, as too much waits
}

// StoreView is a store of a task.
type StoreView struct {
	Store       string
	Kind        state.Kind
	InMemory    bool
	Changelog   string // the topic; empty: none
	Offset      int64  // in the changelog, up to which the database has its records; -1: not known
	CachedRows  int    // that are kept decoded, with those that are known not to exist
	CachedBytes int64
	DiskBytes   int64 // about; -1: not known
}

// sizeEvery is the time between two looks at how much room a store takes, in milliseconds.
const sizeEvery = 30_000

// View shows the tasks that run, by id.
func (s *Set) View() []View {
	views := make([]View, 0, len(s.tasks))
	for _, t := range s.tasks {
		if t.running {
			views = append(views, t.view())
		}
	}
	return views
}

func (t *Task) view() View {
	v := View{
		ID: t.ID, StreamTime: t.streamTime, Records: t.records, Dropped: t.drops, LastError: t.lastError, ErrorAt: t.errorAt,
		Inputs: make([]InputView, len(t.inputs)), Stores: make([]StoreView, len(t.changelogs)),
	}
	for i, in := range t.inputs {
		v.Inputs[i] = InputView{
			Topic: in.Topic, Partition: in.Partition, Committed: in.committed, Position: in.position, End: in.end,
			Time: in.time, Buffered: in.queue.count, Paused: in.paused,
		}
	}
	for i, c := range t.changelogs {
		v.Stores[i] = c.view()
	}
	return v
}

func (c *Changelog) view() StoreView {
	v := StoreView{
		Store: c.Store, Kind: c.spec.Kind(), InMemory: c.spec.Options().InMemory, Changelog: c.Topic, Offset: c.next,
		DiskBytes: c.size(),
	}
	if c.spec.Options().NoChangelog {
		v.Changelog, v.Offset = "", -1
	}
	if cached, ok := c.store.(interface{ Cached() (int, int64) }); ok {
		v.CachedRows, v.CachedBytes = cached.Cached()
	}
	return v
}

// size is how much room the rows take in the database, as of the last look; -1: not known.
func (c *Changelog) size() int64 {
	now := c.task.set.now
	if now < c.sizedAt+sizeEvery && c.sizedAt > 0 {
		return c.bytes
	}
	c.sizedAt, c.bytes = now, -1
	if sized, ok := c.db.engine.(store.Sized); ok {
		if n, err := sized.Size(c.prefix, behind(c.prefix)); err == nil { // a failure will be met by who needs the rows
			c.bytes = n
		}
	}
	return c.bytes
}
