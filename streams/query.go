package streams

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/spelling"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/task"
	"github.com/millstream-go/millstream/internal/worker"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
)

// View is what the tasks of an App in this process have committed in one store. The declaration's In opens it with its
// types:
//
//	view, err := app.View(ctx, Totals, streams.OfKey(serde.String, "apple"))
//	if err != nil { ... }
//	defer view.Close()
//	total, ok, err := Totals.In(view).Get("apple")
//
// All reads of the store's kind are there, those of several tasks in the order of keys; writes are errors that wrap
// state.ErrReadOnly. A View shows the rows of each task as they were behind one commit, whatever is committed later,
// and never a row that was not committed. It belongs to one goroutine, and costs the workers nothing; as long as it is
// open, databases keep what has been replaced since: close it soon.
//
// When its task goes to another process a View may end early: reads then fail with an error that wraps ErrViewClosed.
type View struct {
	store   string
	reading interface {
		storage.Shown
		Store() storage.Store
		At() int64
		StreamTime() int64
		Position(show func(topic string, partition int32, offset int64)) error
		Close()
	}
}

// Store is for the In of the declaration that the View was asked for. It panics for stores of other names.
func (v *View) Store(name string) state.Store {
	if name != v.store {
		panic("streams: the view shows store " + v.store + ", not " + name)
	}
	return storage.OpenShown(v.reading.Store(), v.reading)
}

// Position is how far the tasks had come in their inputs when they committed what the View shows: the offset of each
// input partition up to which its records, and those of no later ones, are in the rows. At least once, rows may be
// ahead of it after a failure.
func (v *View) Position() (Position, error) {
	p := Position{}
	err := v.reading.Position(func(topic string, partition int32, offset int64) { p.set(topic, partition, offset) })
	return p, err
}

// At is a time at which all that the tasks had processed so far was in the rows: the last commit, or since then the
// worker's last look, once a second at least, if there was nothing to commit. A process that the group has given up,
// and that does not know yet, may be behind by Config.SessionTimeout.
func (v *View) At() time.Time { return time.UnixMilli(v.reading.At()) }

// StreamTime is that of the store, by which its windows close and its rows expire; of several tasks the latest one. It
// is the zero time before the first record, and for stores that need none.
func (v *View) StreamTime() time.Time { return timeOf(v.reading.StreamTime()) }

// Close ends the View. It may be called more than once.
func (v *View) Close() { v.reading.Close() }

// Position is an offset for each partition of some topics, that of the record behind the last one that counts. It
// marshals to JSON as {"orders":{"0":17}}.
type Position map[string]map[int32]int64

// After is the position behind one record, for AtLeast: of what a producer was told, for example.
func After(topic string, partition int32, offset int64) Position {
	p := Position{}
	p.set(topic, partition, offset+1)
	return p
}

func (p Position) set(topic string, partition int32, offset int64) {
	if p[topic] == nil {
		p[topic] = map[int32]int64{}
	}
	p[topic][partition] = offset
}

// Reaches is true if p has come at least as far as another position in each of that one's partitions.
func (p Position) Reaches(other Position) bool {
	for topic, partitions := range other {
		for partition, offset := range partitions {
			if have, ok := p[topic][partition]; !ok || have < offset {
				return false
			}
		}
	}
	return true
}

// ViewOption says what a View shows.
type ViewOption func(o *viewing)

// viewing is what a View was asked to show.
type viewing struct {
	partition int32 // below 0: all
	key       []byte
	byKey     bool
	least     Position
	age       time.Duration // 0: any
	err       error
}

// OfKey shows the task that has a key: that of the partition to which the default partitioner sends its bytes, as
// Kafka's Java client does. Records that were partitioned in another way need InPartition.
func OfKey[K any](keys serde.Serde[K], key K) ViewOption {
	b, err := keys.Append(nil, key)
	return OfKeyBytes(b, err)
}

// OfKeyBytes is OfKey for a key that was encoded, or for the error of that.
func OfKeyBytes(key []byte, err error) ViewOption {
	return func(o *viewing) { o.key, o.byKey, o.err = key, true, errors.Join(o.err, err) }
}

// InPartition shows the task of one partition.
func InPartition(partition int32) ViewOption {
	return func(o *viewing) {
		if o.partition = partition; partition < 0 {
			o.err = errors.Join(o.err, fmt.Errorf("streams: partition %d: must be 0 or more", partition))
		}
	}
}

// AtLeast waits until the rows have all records up to a position. Its topics must be inputs of the sub-topology that
// keeps the store.
func AtLeast(p Position) ViewOption { return func(o *viewing) { o.least = p } }

// AtMostOld waits until View.At is not longer ago than d. A worker that has nothing to do looks up once a second.
func AtMostOld(d time.Duration) ViewOption {
	return func(o *viewing) {
		if o.age = d; d <= 0 {
			o.err = errors.Join(o.err, fmt.Errorf("streams: age %v: must be above 0", d))
		}
	}
}

var (
	// ErrNoStore means that the topology has no store of the name that was asked for.
	ErrNoStore = errors.New("streams: the topology has no such store")
	// ErrPosition means that a position has topics that are no inputs of the store's tasks.
	ErrPosition = errors.New("streams: position of other topics")
	// ErrNotRunning means that the App does not run: it was not started, or has ended.
	ErrNotRunning = errors.New("streams: the App does not run")
	// ErrViewClosed is the error of reading a View that was closed, or whose task has gone to another process: ask again.
	ErrViewClosed = task.ErrViewClosed
)

// UnavailableError means that the rows that were asked for cannot be read in this process now. Ask again in a moment,
// or, if the task is not Here, the process that has it.
type UnavailableError struct {
	Store     string
	Partition int32 // -1: not of one partition
	Here      bool  // the task is, or all are: they are being restored, or wait for the group
	Err       error // why it is not known who has it; nil: there is no more to say
}

func (e *UnavailableError) Error() string {
	of := "store " + e.Store
	if e.Partition >= 0 {
		of = fmt.Sprintf("partition %d of store %s", e.Partition, e.Store)
	}
	switch {
	case e.Err != nil:
		return fmt.Sprintf("streams: who has %s is not known: %v", of, e.Err)
	case e.Here:
		return "streams: " + of + " is being restored or moved: ask again"
	}
	return "streams: " + of + " is not in this process: ask the one that has it"
}

func (e *UnavailableError) Unwrap() error { return e.Err }

// StaleError means that rows did not become as new as was asked for in time.
type StaleError struct {
	Store string
	Have  Position // that was reached; nil unless AtLeast was asked for
	At    time.Time
	Err   error // of the context
}

func (e *StaleError) Error() string {
	if e.Have != nil {
		return fmt.Sprintf("streams: store %s has come to %v, which is less than was asked for: %v", e.Store, e.Have, e.Err)
	}
	return fmt.Sprintf("streams: store %s is as of %s, which is older than was asked for: %v",
		e.Store, e.At.Format(time.RFC3339Nano), e.Err)
}

func (e *StaleError) Unwrap() error { return e.Err }

// readers are the tasks that run. The type behind it is not for who names an App only, see run.
type readers interface {
	Of(sub int) []*task.Reader
}

// lookAgain is the time between two looks of a query that waits.
const lookAgain = 2 * time.Millisecond

// View shows what the tasks of this process have committed in a store of the topology: all of them, unless the options
// say which. It may be called from any goroutine; no worker waits for it, and it takes no lock of theirs.
//
// It fails at once, with an UnavailableError, if another process has the task, and while tasks are restored or move
// here; with AtLeast or AtMostOld it waits for the latter, too, until ctx ends. Other errors wrap ErrNoStore and
// ErrNotRunning, or say that the topology keeps the store in another kind or format.
func (a *App) View(ctx context.Context, store state.Declaration, options ...ViewOption) (*View, error) {
	if store == nil {
		return nil, ErrNoStore
	}
	return a.viewOf(ctx, storage.Of(store), options)
}

// Store is the declaration of a store of the topology, for tools that know its name only.
func (a *App) Store(name string) (state.Declaration, error) {
	if _, spec := a.keeper(name); spec != nil {
		return declaration{spec}, nil
	}
	return nil, a.noStore(name)
}

// declaration is that of a store whose types nobody has named.
type declaration struct{ spec storage.Spec }

func (d declaration) Spec() state.Spec { return storage.Seal(d.spec) }

func (a *App) viewOf(ctx context.Context, spec storage.Spec, options []ViewOption) (*View, error) {
	o, sub, err := a.asked(spec.Name(), options)
	if err != nil {
		return nil, err
	}
	if err := a.reads(sub, o.least); err != nil {
		return nil, err
	}
	for {
		v, err := a.look(spec, sub, o)
		if o.waits(err) && ctx.Err() == nil {
			select {
			case <-ctx.Done():
			case <-time.After(lookAgain):
			}
			continue
		}
		var stale *StaleError
		if errors.As(err, &stale) {
			stale.Err = ctx.Err()
		}
		return v, err
	}
}

// asked is what options ask for, and the sub-topology that keeps the store.
func (a *App) asked(store string, options []ViewOption) (*viewing, *graph.Sub, error) {
	o := &viewing{partition: -1}
	for _, option := range options {
		option(o)
	}
	sub, _ := a.keeper(store)
	if sub == nil {
		return nil, nil, a.noStore(store)
	}
	if o.byKey && sub.ID != graph.GlobalSub {
		if n := a.tasksOf(sub); n > 0 {
			o.partition = cluster.PartitionOf(o.key, n)
		}
	}
	return o, sub, o.err
}

// waits is true for the error of something that may come. The task of another process is not waited for: who asks may
// ask that one.
func (o *viewing) waits(err error) bool {
	var away *UnavailableError
	var stale *StaleError
	if errors.As(err, &stale) {
		return true
	}
	return (o.least != nil || o.age > 0) && errors.As(err, &away) && (away.Here || away.Partition < 0)
}

// keeper is the sub-topology that keeps a store, with the store; nil if none does.
func (a *App) keeper(store string) (*graph.Sub, storage.Spec) {
	subs := slices.Clip(a.topo.Subs())
	if g := a.topo.Global(); g != nil {
		subs = append(subs, g)
	}
	for _, sub := range subs {
		for _, s := range sub.Stores {
			if s.Name() == store {
				return sub, s
			}
		}
	}
	return nil, nil
}

// noStore names a store that nothing keeps, with those that there are.
func (a *App) noStore(name string) error {
	var names []string
	for _, sub := range append(slices.Clip(a.topo.Subs()), a.topo.Global()) {
		if sub == nil {
			continue
		}
		for _, s := range sub.Stores {
			names = append(names, s.Name())
		}
	}
	slices.Sort(names)
	meant := ""
	if close := spelling.Closest(name, names); close != "" {
		meant = fmt.Sprintf("did you mean %s? ", close)
	}
	return fmt.Errorf("%w: %s: %sit has %v", ErrNoStore, name, meant, names)
}

// notRunning is the error of what a state makes impossible.
func notRunning(s State) error {
	if s == Created {
		return fmt.Errorf("%w: it was not started: call Run, on a goroutine of its own", ErrNotRunning)
	}
	return fmt.Errorf("%w: it is %s", ErrNotRunning, s)
}

// reads is an error if a position has topics that a sub-topology does not read.
func (a *App) reads(sub *graph.Sub, p Position) error {
	for topic := range p {
		if inputs := a.topo.Inputs(sub); !a.topo.HasPatterns() && !slices.Contains(inputs, topic) {
			return fmt.Errorf("%w: the store's tasks do not read topic %s: they read %v", ErrPosition, topic, inputs)
		}
	}
	return nil
}

// look shows the rows as they are now, unless they are not as new as is asked for.
func (a *App) look(spec storage.Spec, sub *graph.Sub, o *viewing) (*View, error) {
	tasks, err := a.readable(spec.Name(), sub, o)
	if err != nil {
		return nil, err
	}
	reading, err := task.Read(tasks, spec)
	if err != nil {
		return nil, err
	}
	v := &View{store: spec.Name(), reading: reading}
	if err := v.fits(o); err != nil {
		v.Close()
		return nil, err
	}
	return v, nil
}

// fits is an error if the rows are not as new as is asked for.
func (v *View) fits(o *viewing) error {
	if o.age > 0 && time.Since(v.At()) > o.age {
		return &StaleError{Store: v.store, At: v.At()}
	}
	if o.least == nil {
		return nil
	}
	have, err := v.Position()
	if err == nil && !have.Reaches(o.least) {
		err = &StaleError{Store: v.store, Have: have, At: v.At()}
	}
	return err
}

// readable are the running tasks that are asked for.
func (a *App) readable(store string, sub *graph.Sub, o *viewing) ([]*task.Reader, error) {
	s := a.State()
	if s == Created || s >= Stopped {
		return nil, notRunning(s)
	}
	running := s == Running || s == Stalled || s == Stopping
	tasks := a.readers.Of(sub.ID)
	if o.byKey && o.partition < 0 && sub.ID != graph.GlobalSub {
		if len(tasks) == 0 { // nothing is known of the topics
			return nil, &UnavailableError{Store: store, Partition: -1, Here: true}
		}
		o.partition = cluster.PartitionOf(o.key, tasks[0].Partitions)
	}
	if o.partition < 0 || sub.ID == graph.GlobalSub {
		if running && len(tasks) > 0 {
			return tasks, nil
		}
		return nil, &UnavailableError{Store: store, Partition: -1, Here: !running}
	}
	for _, t := range tasks {
		if t.ID.Partition == o.partition {
			return []*task.Reader{t}, nil
		}
	}
	return nil, &UnavailableError{Store: store, Partition: o.partition, Here: a.awaits(sub.ID, o.partition)}
}

// awaits is true if a task is on its way to run here, as far as is known.
func (a *App) awaits(sub int, partition int32) bool {
	id := graph.TaskID{Sub: sub, Partition: partition}.String()
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range a.mu.workers {
		w := &a.mu.workers[i]
		if w.state == worker.Joining || slices.Contains(w.view.Waiting, id) {
			return true
		}
	}
	return len(a.mu.workers) == 0
}
