package statetest

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/rows"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/state"
)

// changelog collects what a flush sends.
type changelog struct {
	records []logged
}

type logged struct {
	key, value []byte
	timestamp  int64
}

func (c *changelog) Room() []byte         { return nil }
func (c *changelog) Keep(b []byte) []byte { return b }
func (c *changelog) Append(key, value []byte, timestamp int64) {
	c.records = append(c.records, logged{key, value, timestamp})
}

// compacted is what a broker leaves of the log: the last record of each key, and of those that are deletes nothing.
func (c *changelog) compacted() (left []logged) {
	last := map[string]int{}
	for i, r := range c.records {
		last[string(r.key)] = i
	}
	for i, r := range c.records {
		if last[string(r.key)] == i && r.value != nil {
			left = append(left, r)
		}
	}
	return left
}

type opener = func(dir string) (state.Engine, error)

// place is where the engines of a test are, one after the other.
type place struct {
	open   opener
	parent string
	dirs   int
}

func (p *place) dir() string { return filepath.Join(p.parent, fmt.Sprint(p.dirs)) }

// empty opens an engine without rows. Those before are of no use any more.
func (p *place) empty(t require.TestingT) state.Engine {
	require.NoError(t, os.RemoveAll(p.dir()))
	p.dirs++
	return p.again(t)
}

// again opens the last engine once more.
func (p *place) again(t require.TestingT) state.Engine {
	e, err := p.open(p.dir())
	require.NoError(t, err)
	return e
}

// harness is a store on an engine, with the calls of a task.
type harness struct {
	t      require.TestingT
	spec   storage.Spec
	place  *place
	engine state.Engine
	budget *rows.Budget
	log    changelog
	next   int   // records of the log that are in the engine
	time   int64 // that was committed, -1 if none
	open   storage.Store
}

func newHarness(t require.TestingT, spec storage.Spec, cacheBytes int64, p *place) *harness {
	h := &harness{t: t, spec: spec, place: p, engine: p.empty(t), budget: storage.NewBudget(cacheBytes), time: -1}
	h.openStore()
	return h
}

func (h *harness) Store(string) state.Store { return storage.Open(h.open) }

func (h *harness) openStore() {
	h.open = h.spec.Open(storage.Env{Engine: h.engine, Prefix: []byte{1, 7}, Budget: h.budget})
}

// start gives the store the committed time, as the start of a task does.
func (h *harness) start() {
	if h.time >= 0 {
		h.open.SetTime(h.time)
	}
	h.open.Mark()
}

// drop lets go of the store, as a task that is closed.
func (h *harness) drop() {
	h.open.Abort()
	require.Zero(h.t, h.budget.Used(), "a store that is dropped gives its memory back")
	require.NoError(h.t, h.engine.Close())
}

// reopen goes on in the same database.
func (h *harness) reopen() {
	h.drop()
	h.engine = h.place.again(h.t)
	h.openStore()
	h.start()
}

func (h *harness) commit() {
	b := h.engine.NewBatch()
	require.NoError(h.t, h.open.Flush(b, &h.log))
	h.mend()
	require.NoError(h.t, b.Commit())
	h.open.Committed()
	h.committed()
	h.next = len(h.log.records)
	h.open.Mark()
}

// mend writes rows again behind deletes that a former owner has written. In a versioned store a delete is a version.
func (h *harness) mend() {
	for _, r := range h.log.records[max(h.next, len(h.log.records)-3):] {
		if h.spec.Kind() != storage.KindVersioned {
			h.log.Append(r.key, nil, r.timestamp)
		}
		require.NoError(h.t, h.open.Rewrite(&h.log, r.key, r.timestamp))
	}
}

func (h *harness) committed() {
	if at, timed := h.open.Time(); timed {
		h.time = at
	}
}

// die is a process that dies after Kafka has committed and before the database has: the rest is replayed.
func (h *harness) die() {
	b := h.engine.NewBatch()
	require.NoError(h.t, h.open.Flush(b, &h.log))
	h.committed()
	require.NoError(h.t, b.Close())
	h.drop()
	h.engine = h.place.again(h.t)
	h.openStore()
	h.restore(h.log.records[h.next:], 1000)
	h.start()
}

// abort takes a commit back that was under way, or just begun.
func (h *harness) abort(flushed bool) {
	if flushed {
		b := h.engine.NewBatch()
		require.NoError(h.t, h.open.Flush(b, &changelog{}))
		require.NoError(h.t, b.Close())
	}
	h.open.Abort()
	h.start()
}

// restore enters records in batches of some size.
func (h *harness) restore(records []logged, size int) {
	for len(records) > 0 {
		n := min(size, len(records))
		b := h.engine.NewBatch()
		for _, r := range records[:n] {
			require.NoError(h.t, h.open.Restore(b, r.key, r.value, r.timestamp))
		}
		require.NoError(h.t, b.Commit())
		records = records[n:]
	}
	h.next = len(h.log.records)
}

// lose makes a new, empty database and restores it from records of the changelog.
func (h *harness) lose(records []logged, size int) {
	h.drop()
	h.engine = h.place.empty(h.t)
	h.openStore()
	h.restore(records, size)
	h.start()
}

// twin is the store of another process that the changelog is replayed into.
func (h *harness) twin() *harness {
	memory := &place{open: func(string) (state.Engine, error) { return store.OpenMemory(), nil }}
	other := newHarness(h.t, h.spec, 1<<20, memory)
	other.time = h.time
	other.restore(h.log.records, 7)
	other.start()
	return other
}
