package operator

import (
	stdcontext "context"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/wire"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
)

// FlightLimits bound what a task has in flight in one step.
type FlightLimits struct {
	Calls   graph.CallLimits
	Records int
	Bytes   int64 // of keys, values and headers as encoded
}

// Flights is the declaration of a store of records in flight, with their bounds.
type Flights struct {
	declared state.KeyValue[int64, wire.Waiting]
	kept     storage.Spec // with the kind and the settings of the store
	limits   FlightLimits
}

// InFlight declares a store. It is not inlined, so that the store is compiled here and not with each user.
//
//go:noinline
func InFlight(flights state.Spec, limits FlightLimits) *Flights {
	d := storage.Unsealed(flights).Of(storage.KindInFlight)
	entries := wire.WaitingSerde(d.Key(), d.Value())
	rows := state.NewKeyValue(d.Name(), serde.Int64, entries)
	kept := d.Typed(serde.Int64, entries, storage.Unsealed(rows.Spec()))
	return &Flights{declared: rows, kept: kept, limits: limits}
}

// Store is the store.
func (f *Flights) Store() storage.Spec { return f.kept }

//go:noinline
func (f *Flights) new() *flightQueue { return &flightQueue{Flights: *f} }

// flight is a record that waits for its answer.
type flight struct {
	number   int64
	record   any // a record[K, V]
	waiting  graph.Waiting
	size     int64
	begun    bool // its call
	answered bool
	undone   bool // the record was taken back before its call began
	result   any  // an optional[VR]
	err      error

	before, after *flight // of the same key, in flight
}

func (f *flight) end(result any, err error) { f.result, f.err, f.answered = result, err, true }

// flightQueue has the records in flight of one task, in the order in which they leave. Each is a row of the store,
// under the number that tells the order.
//
// Of one key, a call begins when the one in front of it has ended. Those that may begin are in ready.
type flightQueue struct {
	Flights
	store  state.KeyValueStore[int64, wire.Waiting]
	within stdcontext.Context // ends with the task
	cancel func()

	all   []*flight // from first on; those in front have left since the last mark
	first int
	next  int64 // number
	bytes int64
	calls int // that have begun and not ended
	last  map[string]*flight
	ready []*flight

	marked struct {
		first, end  int
		next, bytes int64
	}
}

// open begins with what the store holds: restore makes a record in flight of a row.
func (q *flightQueue) open(ctx graph.AnyContext, restore func(wire.Waiting) *flight) error {
	q.store, q.last = q.declared.In(ctx), map[string]*flight{}
	q.within, q.cancel = stdcontext.WithCancel(stdcontext.Background())
	for row, err := range q.store.All() {
		if err != nil {
			return err
		}
		f := restore(row.Value)
		f.number, q.next = row.Key, row.Key+1
		q.add(row.Value, f)
	}
	return nil
}

// Close ends the calls. Their records stay in the store.
func (q *flightQueue) Close() error {
	q.cancel()
	return nil
}

// take enters a record that has come.
func (q *flightQueue) take(row wire.Waiting, f *flight) error {
	f.number = q.next
	if err := q.store.Put(f.number, row, row.Context.Timestamp); err != nil {
		return err
	}
	q.next++
	q.add(row, f)
	return nil
}

func (q *flightQueue) add(row wire.Waiting, f *flight) {
	c := row.Context
	f.waiting.Topic, f.waiting.Partition, f.waiting.Offset = c.Topic, c.Partition, c.Offset
	f.waiting.Timestamp, f.waiting.Headers, f.waiting.Key, f.waiting.Value = c.Timestamp, c.Headers, row.Key, row.Value
	f.size = sizeInFlight(row)
	q.bytes += f.size
	q.all = append(q.all, f)
	if row.Key != nil && !f.answered { // others wait for calls only
		key := string(row.Key)
		if f.before = q.last[key]; f.before != nil {
			f.before.after = f
		}
		q.last[key] = f
	}
	q.free(f)
}

// free notes a record whose call may begin now.
func (q *flightQueue) free(f *flight) {
	if !f.answered && !f.begun && (f.before == nil || f.before.answered) {
		q.ready = append(q.ready, f)
	}
}

func sizeInFlight(row wire.Waiting) int64 {
	n := len(row.Key) + len(row.Value)
	for _, h := range row.Context.Headers {
		n += len(h.Key) + len(h.Value)
	}
	return int64(n)
}

// due are the records whose calls begin now. The slice is valid until the next call.
func (q *flightQueue) due() []*flight {
	due := q.ready[:0]
	for _, f := range q.ready {
		if !f.undone {
			due = append(due, f)
		}
	}
	q.ready = q.ready[:0]
	return due
}

// call is the call of a record.
func (q *flightQueue) call(f *flight, attempt func(stdcontext.Context) (any, error)) *graph.Call {
	f.begun = true
	q.calls++
	return &graph.Call{
		Record: f.record, Within: q.within, Limits: q.limits.Calls, Make: attempt,
		Done: func(result any, err error) { q.done(f, result, err) },
	}
}

// done enters an answer, and lets the next call of the key begin.
func (q *flightQueue) done(f *flight, result any, err error) {
	q.calls--
	f.end(result, err)
	if f.after != nil {
		q.free(f.after)
	}
}

// Full is true while there are as many as there may be.
func (q *flightQueue) Full() bool {
	return len(q.all)-q.first >= q.limits.Records || q.bytes >= q.limits.Bytes
}

// InFlight is the number of records, and that of calls that have begun and not ended.
func (q *flightQueue) InFlight() (records, calls int) { return len(q.all) - q.first, q.calls }

func (q *flightQueue) head() *flight { return q.all[q.first] }

// Answered is the record that leaves next, if its answer is there.
func (q *flightQueue) Answered() *graph.Waiting {
	if q.first == len(q.all) || !q.head().answered {
		return nil
	}
	return &q.head().waiting
}

// LeaveOut takes the record that comes next out.
func (q *flightQueue) LeaveOut() error {
	f := q.head()
	q.first++
	q.bytes -= f.size
	return q.store.Delete(f.number, f.waiting.Timestamp)
}

// Mark forgets those that have left.
func (q *flightQueue) Mark() {
	for _, f := range q.all[q.marked.first:q.first] {
		q.unlink(f)
	}
	if q.first > len(q.all)/2 {
		left := copy(q.all, q.all[q.first:])
		clear(q.all[left:])
		q.all, q.first = q.all[:left], 0
	}
	q.marked.first, q.marked.end, q.marked.next, q.marked.bytes = q.first, len(q.all), q.next, q.bytes
}

// Undo takes back those that have come, and brings back those that have left.
func (q *flightQueue) Undo() {
	for i := len(q.all) - 1; i >= q.marked.end; i-- {
		f := q.all[i]
		f.undone = true
		q.unlink(f)
		q.all[i] = nil
	}
	q.all, q.first = q.all[:q.marked.end], q.marked.first
	q.next, q.bytes = q.marked.next, q.marked.bytes
}

// unlink takes a record that is the first or the last of its key in flight out of the others.
func (q *flightQueue) unlink(f *flight) {
	if f.before != nil {
		f.before.after = f.after
	}
	if f.after != nil {
		f.after.before = f.before
	}
	if key := string(f.waiting.Key); f.waiting.Key != nil && q.last[key] == f {
		if f.before == nil {
			delete(q.last, key)
		} else {
			q.last[key] = f.before
		}
	}
	f.before, f.after = nil, nil
}
