package wire_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/internal/wire"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
)

// opened is an open store with its database and what it wrote into its changelog.
type opened struct {
	t      *testing.T
	store  storage.Store
	engine store.Engine
	log    []logged
}

type logged struct{ key, value []byte }

func open(t *testing.T, spec storage.Spec) *opened {
	o := &opened{t: t, engine: store.OpenMemory()}
	o.store = spec.Open(storage.Env{Engine: o.engine, Prefix: []byte{1, 7}, Budget: storage.NewBudget(1 << 20)})
	o.store.Mark()
	return o
}

func (o *opened) Store(string) state.Store { return storage.Open(o.store) }
func (o *opened) Room() []byte             { return nil }
func (o *opened) Keep(b []byte) []byte     { return b }

func (o *opened) Append(key, value []byte, _ int64) { o.log = append(o.log, logged{key, value}) }

func (o *opened) commit() {
	b := o.engine.NewBatch()
	require.NoError(o.t, o.store.Flush(b, o))
	require.NoError(o.t, b.Commit())
	o.store.Committed()
	o.store.Mark()
}

// TestGoldenValueAndTimestamp: the row in the database has both, the changelog record the plain value.
func TestGoldenValueAndTimestamp(t *testing.T) {
	numbers := state.NewKeyValue("numbers", serde.String, serde.Int64)
	o := open(t, storage.Of(numbers))
	require.NoError(t, numbers.In(o).Put("alice", 42, 61000))
	o.commit()
	it, err := o.engine.Scan(nil, nil, false)
	require.NoError(t, err)
	require.True(t, it.Next())
	require.Equal(t, bytesOf(t, "000000000000ee48 000000000000002a"), it.Value())
	require.NoError(t, it.Close())
	require.Equal(t, []logged{{[]byte("alice"), bytesOf(t, "000000000000002a")}}, o.log)
}

func TestSessionStoreLogsSessionKeys(t *testing.T) {
	visits := state.NewSession("visits", serde.String, serde.Int64).Retain(time.Hour)
	o := open(t, storage.Of(visits))
	require.NoError(t, visits.In(o).Put("alice", 60000, 75000, 42, 75000))
	o.commit()
	key := wire.SessionKey(nil, []byte("alice"), 75000, 60000)
	require.Equal(t, []logged{{key, bytesOf(t, "000000000000002a")}}, o.log)
}

// TestBufferLogsSequences: rows of one key and time have numbers of their own, from 1.
func TestBufferLogsSequences(t *testing.T) {
	waiting := state.NewBuffer("waiting", serde.String, serde.String).Retain(time.Hour)
	o := open(t, storage.Of(waiting))
	require.NoError(t, waiting.In(o).Put("alice", "a", 60000))
	require.NoError(t, waiting.In(o).Put("alice", "b", 60000))
	o.commit()
	require.Equal(t, []logged{
		{wire.ChangelogKey(nil, []byte("alice"), 60000, 1), []byte("a")},
		{wire.ChangelogKey(nil, []byte("alice"), 60000, 2), []byte("b")},
	}, o.log)
}

// TestUnmatchedLogsSharedKeys: a row is all values of a side, key and time.
func TestUnmatchedLogsSharedKeys(t *testing.T) {
	_, _, join := state.NewJoin("unmatched", serde.String, serde.String, serde.Int64).
		Stores(storage.Joining{LeftAlone: true, RightAlone: true})
	unmatched := join.Unmatched
	o := open(t, storage.Of(unmatched))
	require.NoError(t, unmatched.In(o).PutLeft("alice", "L", 61000))
	require.NoError(t, unmatched.In(o).PutLeft("alice", "", 61000))
	o.commit()
	require.NoError(t, unmatched.In(o).PutRight("alice", 42, 61000))
	o.commit()
	require.NoError(t, unmatched.In(o).Remove("alice", 61000, true))
	o.commit()
	left, err := wire.SidedSerde.Append(nil, []wire.Sided{{Left: true, Value: []byte("L")}, {Left: true}})
	require.NoError(t, err)
	right, err := wire.SidedSerde.Append(nil, []wire.Sided{{Value: bytesOf(t, "000000000000002a")}})
	require.NoError(t, err)
	leftKey := wire.SharedKey(nil, 61000, true, []byte("alice"))
	rightKey := wire.SharedKey(nil, 61000, false, []byte("alice"))
	require.Equal(t, []logged{{leftKey, left}, {rightKey, right}, {leftKey, nil}}, o.log)
}
