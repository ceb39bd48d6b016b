package task

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/topology"
)

// Reading is what tasks have committed in one store: of each task its rows as of one commit. It belongs to one
// goroutine. Close it: as long as it is open the databases keep rows that were replaced.
type Reading struct {
	store   state.Store
	readers []*Reader
	views   []store.View
	at      int64
}

// cacheBytes is how much of what it decodes a Reading may keep.
const cacheBytes = 4 << 20

// ErrViewClosed is the error of rows that are read behind Close, or when their database has been closed.
var ErrViewClosed = store.ErrClosed

// ErrNoView means that an engine cannot show its rows to others.
var ErrNoView = errors.New("the engine does not show its rows to queries: Config.OpenEngine must return a state.Viewer")

// Read shows the rows of a store in some tasks of one sub-topology, with the types of a declaration.
func Read(tasks []*Reader, as state.Spec) (*Reading, error) {
	r := &Reading{readers: tasks, at: math.MaxInt64}
	if err := r.open(as); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

func (r *Reading) open(as state.Spec) error {
	engine := &readEngine{}
	var spec state.Spec
	var times []int64
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
		times = append(times, time)
	}
	env := state.Env{Engine: engine, Prefix: engine.parts[0].prefix, Budget: state.NewBudget(cacheBytes), ReadOnly: true}
	opened, err := state.OpenDeclared(spec, as, env)
	if err != nil {
		return err
	}
	r.store = opened
	engine.setTimes(r.store, spec, times)
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
func (r *Reading) Store() state.Store { return r.store }

// At is a wall-clock time, in milliseconds: what the tasks had processed then is in the rows.
func (r *Reading) At() int64 { return r.at }

// Close lets the rows go.
func (r *Reading) Close() {
	for _, v := range r.views {
		v.Close()
	}
}

// Position shows for each input partition of the tasks the offset up to which its records are in the rows.
func (r *Reading) Position(show func(topic string, partition int32, offset int64)) error {
	for i, t := range r.readers {
		if t.ID.Sub == topology.GlobalSub {
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
func (r *Reader) timeOf(v store.View, spec state.Spec) (int64, error) {
	if k := spec.Kind(); k == state.KindKeyValue || k == state.KindSuppress {
		return -1, nil
	}
	if r.ID.Sub == topology.GlobalSub {
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
		if t, ok := timeIn(topology.DecodeMetadata(at.Metadata), spec.Name()); ok {
			time = max(time, t)
		}
	}
	if began, ok := r.times[spec.Name()]; ok && !known {
		return began, nil
	}
	return time, nil
}
