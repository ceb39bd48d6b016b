package state_test

import (
	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/rows"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/serde"
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

// harness is a store on an engine, with the calls of a task.
type harness struct {
	t      require.TestingT
	spec   storage.Spec
	engine store.Engine
	budget *rows.Budget
	log    changelog
	time   int64 // that was committed, -1 if none
	watch  bool
	open   storage.Store
}

func newHarness(t require.TestingT, spec storage.Spec, cacheBytes int64) *harness {
	h := &harness{t: t, spec: spec, engine: store.OpenMemory(), budget: storage.NewBudget(cacheBytes), time: -1}
	h.openStore()
	return h
}

func (h *harness) Store(string) state.Store { return storage.Open(h.open) }

func (h *harness) openStore() {
	h.open = h.spec.Open(storage.Env{Engine: h.engine, Prefix: []byte{1, 7}, Budget: h.budget, Watch: h.watch})
}

func (h *harness) commit() {
	b := h.engine.NewBatch()
	require.NoError(h.t, h.open.Flush(b, &h.log))
	require.NoError(h.t, b.Commit())
	h.open.Committed()
	if at, timed := h.open.Time(); timed {
		h.time = at
	}
	h.open.Mark()
}

// lose makes a new, empty database and restores it from the changelog.
func (h *harness) lose() {
	h.engine = store.OpenMemory()
	h.openStore()
	b := h.engine.NewBatch()
	for _, r := range h.log.records {
		require.NoError(h.t, h.open.Restore(b, r.key, r.value, r.timestamp))
	}
	require.NoError(h.t, b.Commit())
	h.open.SetTime(h.time)
	h.open.Mark()
}

// timed is the side of a store that goes by time.
func timed[K, V any](s state.KeyValueStore[K, V]) storage.Timed[state.Row[K, V]] {
	return s.(storage.Timed[state.Row[K, V]])
}

// sweeping is the side of a store of windows or sessions for who goes forward in time.
func sweeping[R any](s any) storage.Sweeping[R] { return s.(storage.Sweeping[R]) }

// unmatchedOf is the store of an outer join.
func unmatchedOf[K, L, R any](
	name string, key serde.Serde[K], left serde.Serde[L], right serde.Serde[R],
) storage.Unmatched[K, L, R] {
	_, _, rest := state.NewJoin(name, key, left, right).Stores(storage.Joining{LeftAlone: true, RightAlone: true})
	return rest.Unmatched
}
