package statetest

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
)

// version is a row from a time on; one without a value is a delete.
type version struct {
	from  int64
	value []byte
}

// versionedTwin is a versioned store that forgets nothing.
type versionedTwin struct {
	rows map[string][]version // by time
	time int64
}

const history = 50

var versioned = state.NewVersioned("versioned", serde.String, serde.Bytes, history*time.Millisecond)

func runVersioned(t *testing.T, open opener) {
	checkModel(t, open, storage.Of(versioned), func() *versionedTwin {
		return &versionedTwin{rows: map[string][]version{}, time: -1}
	})
}

func (m *versionedTwin) clone() *versionedTwin { return &versionedTwin{maps.Clone(m.rows), m.time} }

func (m *versionedTwin) touch(rt *rapid.T, h *harness) {
	for i := range 600 {
		_, _, _, err := versioned.In(h).Get(fmt.Sprint("absent", i))
		require.NoError(rt, err)
	}
}

func (m *versionedTwin) at(rt *rapid.T) int64 {
	return max(0, m.time+rapid.Int64Range(-70, 30).Draw(rt, "at"))
}

// enter is a put, or a delete if value is nil.
func (m *versionedTwin) enter(rt *rapid.T, h *harness, v version) {
	key, s := oneKey(rt), versioned.In(h)
	m.time = max(m.time, v.from)
	var stored, newest bool
	var err error
	if v.value == nil {
		stored, newest, err = s.Delete(key, v.from)
	} else {
		given := slices.Clone(v.value)
		stored, newest, err = s.Put(key, given, v.from)
		given[0] = 'x'
	}
	require.NoError(rt, err)
	require.Equal(rt, v.from >= m.time-history, stored, "at %d of %d", v.from, m.time)
	if !stored {
		require.False(rt, newest)
		return
	}
	list := slices.DeleteFunc(slices.Clone(m.rows[key]), func(old version) bool { return old.from == v.from })
	i, _ := slices.BinarySearchFunc(list, v.from, func(old version, at int64) int { return int(old.from - at) })
	m.rows[key] = slices.Insert(list, i, v)
	require.Equal(rt, i == len(list), newest)
}

func (m *versionedTwin) actions(h *harness) map[string]func(*rapid.T) {
	s := versioned.In(h)
	put := func(rt *rapid.T) { m.enter(rt, h, version{m.at(rt), oneValue(rt)}) }
	return map[string]func(*rapid.T){
		"put": put, "put more": put,
		"delete": func(rt *rapid.T) { m.enter(rt, h, version{from: m.at(rt)}) },
		"observe": func(rt *rapid.T) {
			at := m.time + rapid.Int64Range(-10, 2*history).Draw(rt, "by")
			s.Observe(at)
			m.time = max(m.time, at)
		},
		"walk": func(rt *rapid.T) {
			live(rt, s.All(), m.newest, byKey, func(kvRow) {
				if rapid.Bool().Draw(rt, "write") {
					put(rt)
				} else {
					m.enter(rt, h, version{from: m.time})
				}
			})
		},
	}
}

// newest are the rows as they are now.
func (m *versionedTwin) newest() (rows []kvRow) {
	for _, key := range slices.Sorted(maps.Keys(m.rows)) {
		list := m.rows[key]
		if v := list[len(list)-1]; v.value != nil {
			rows = append(rows, kvRow{Key: key, Value: v.value, Timestamp: v.from})
		}
	}
	return rows
}

func (m *versionedTwin) asOf(key string, at int64) (v version, ok bool) {
	list := m.rows[key]
	for i, v := range slices.Backward(list) {
		if v.from <= at {
			return v, v.value != nil && (i == len(list)-1 || at >= m.time-history)
		}
	}
	return v, false
}

func (m *versionedTwin) check(rt *rapid.T, h *harness) {
	s := versioned.In(h)
	now, _ := s.Time()
	require.Equal(rt, m.time, now)
	requireRows(rt, m.newest(), s.All(), nil)
	key := oneKey(rt)
	for _, at := range []int64{m.at(rt), m.at(rt), m.time, m.time - history, m.time - history - 1, math.MaxInt64} {
		value, from, ok, err := s.AsOf(key, at)
		require.NoError(rt, err)
		want, known := m.asOf(key, at)
		require.Equal(rt, known, ok, "%q as of %d, at %d", key, at, m.time)
		if known {
			require.Equal(rt, want, version{from, value}, "%q as of %d, at %d", key, at, m.time)
		}
	}
	_, _, ok, err := s.Get(key)
	require.NoError(rt, err)
	require.Equal(rt, slices.ContainsFunc(m.newest(), func(r kvRow) bool { return r.Key == key }), ok)
}
