package task

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/store"
)

// Reading is what tasks have committed in one store: of each task its rows as of one commit. It belongs to one
// goroutine. Close it: as long as it is open the databases keep rows that were replaced.
type Reading struct {
	store   storage.Store
	engine  *readEngine
	times   []int64 // stream times of the store, one for each reader
	readers []*Reader
	views   []store.View
	at      int64
	time    int64
}

// cacheBytes is how much of what it decodes a Reading may keep.
const cacheBytes = 4 << 20

// ErrViewClosed is the error of rows that are read behind Close, or when their database has been closed.
var ErrViewClosed = store.ErrClosed

// ErrNoView means that an engine cannot show its rows to others.
var ErrNoView = errors.New("the engine does not show its rows to queries: Config.OpenEngine must return a state.Viewer")

// Read shows the rows of a store in some tasks of one sub-topology, with the types of a declaration.
func Read(tasks []*Reader, as storage.Spec) (*Reading, error) {
	r := &Reading{readers: tasks, at: math.MaxInt64, time: -1}
	if err := r.open(as); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

func (r *Reading) open(as storage.Spec) error {
	engine := &readEngine{}
	r.engine = engine
	var spec storage.Spec
	for _, t := range r.readers {
		r.at = min(r.at, t.current.Load())
		k, view, err := t.view(as.Name())
		if err != nil {
			return err
		}
		r.views = append(r.views, view)
		spec = k.spec
		engine.parts = append(engine.parts, readPart{view: view, prefix: k.prefix})
		time, err := t.timeOf(view, k.spec)
		if err != nil {
			return err
		}
		r.times, r.time = append(r.times, time), max(r.time, time)
	}
	env := storage.Env{
		Engine: engine, Prefix: engine.parts[0].prefix, Budget: storage.NewBudget(cacheBytes), ReadOnly: true,
	}
	opened, err := storage.OpenDeclared(spec, as, env)
	if err != nil {
		return err
	}
	r.store = opened
	engine.setTimes(r.store, spec, r.times)
	return nil
}

// view is the rows of a store as of the last commit.
func (r *Reader) view(name string) (k kept, v store.View, err error) {
	for _, k := range r.stores {
		if k.spec.Name() != name {
			continue
		}
		viewer, ok := r.databases[k.db].engine.(store.Viewer)
		if !ok {
			return k, nil, ErrNoView
		}
		err = Shielded(func() (err error) { v, err = viewer.View(); return err })
		return k, v, err
	}
	return k, nil, fmt.Errorf("task: %s has no store %s", r.ID, name)
}

// Store is the open store.
func (r *Reading) Store() storage.Store { return r.store }

// At is a wall-clock time, in milliseconds: what the tasks had processed then is in the rows.
func (r *Reading) At() int64 { return r.at }

// StreamTime is the latest one of the store in the tasks, in milliseconds; -1: it has none.
func (r *Reading) StreamTime() int64 { return r.time }

// Tasks are the partitions of the tasks.
func (r *Reading) Tasks() (partitions []int32) {
	for _, t := range r.readers {
		partitions = append(partitions, t.partition())
	}
	return partitions
}

// Row is the task of the row that was read last: its partition, and the stream time of the store there.
func (r *Reading) Row() (partition int32, streamTime int64) {
	return r.readers[r.engine.at].partition(), r.times[r.engine.at]
}

// partition is that of the task, -1 for global tables.
func (r *Reader) partition() int32 {
	if r.ID.Sub == graph.GlobalSub {
		return -1
	}
	return r.ID.Partition
}

// Close lets the rows go.
func (r *Reading) Close() {
	for _, v := range r.views {
		v.Close()
	}
}

// Position shows for each input partition of the tasks the offset up to which its records are in the rows.
func (r *Reading) Position(show func(topic string, partition int32, offset int64)) error {
	for i, t := range r.readers {
		if t.ID.Sub == graph.GlobalSub {
			return globalPosition(r.views[i], show)
		}
		for _, in := range t.inputs {
			at, stored, err := in.place(r.views[i])
			if err != nil {
				return err
			}
			if offset := in.from; stored {
				show(in.topic, in.partition, at.Offset)
			} else {
				show(in.topic, in.partition, offset)
			}
		}
	}
	return nil
}

// place is where an input had come in the rows of a view; stored is false if that is where the task began.
func (in begun) place(v store.View) (at Place, stored bool, err error) {
	b, ok, err := v.Get(nil, metaKey('i', in.topic))
	if err != nil || !ok {
		return nowhere, false, err
	}
	at, err = decodePlace(in.topic, b)
	return at, at != in.stored, err
}

// globalPosition shows the places of the topics of global tables.
func globalPosition(v store.View, show func(topic string, partition int32, offset int64)) error {
	it, err := v.Scan(metaKey('g', ""), metaKey('h', ""), false)
	if err != nil {
		return err
	}
	for it.Next() {
		name := string(it.Key()[2:])
		slash := strings.LastIndexByte(name, '/')
		at, err := decodePlace(name, it.Value())
		if err != nil || slash < 0 {
			return errors.Join(err, it.Close())
		}
		if partition, err := strconv.ParseInt(name[slash+1:], 10, 32); err == nil && at.Offset >= 0 {
			show(name[:slash], int32(partition), at.Offset)
		}
	}
	return it.Close()
}

// timeOf is the stream time of a store in the rows of a view, -1 if it had none.
func (r *Reader) timeOf(v store.View, spec storage.Spec) (int64, error) {
	if k := spec.Kind(); k == storage.KindKeyValue || k == storage.KindSuppress {
		return -1, nil
	}
	if r.ID.Sub == graph.GlobalSub {
		b, ok, err := v.Get(nil, metaKey('t', spec.Name()))
		if err != nil || !ok || len(b) != 8 {
			return -1, err
		}
		return int64(binary.BigEndian.Uint64(b)), nil
	}
	time, known := int64(-1), false
	for _, in := range r.inputs {
		at, stored, err := in.place(v)
		if err != nil {
			return -1, err
		}
		if !stored {
			continue
		}
		known = true
		if t, ok := timeIn(graph.DecodeMetadata(at.Metadata), spec.Name()); ok {
			time = max(time, t)
		}
	}
	if began, ok := timeIn(graph.Metadata{Times: r.times}, spec.Name()); ok && !known {
		return began, nil
	}
	return time, nil
}
