package task

import (
	"errors"
	"io"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/operator"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
)

// TestStoresOfOldDirectoriesAreEntered before the first commit: a restart would take their rows for lost.
func TestStoresOfOldDirectoriesAreEntered(t *testing.T) {
	for name, c := range map[string]struct {
		home   string
		accept Accept
	}{"a directory that knew no cluster": {"", 0}, "a new store": {"here", AcceptNewStores}} {
		t.Run(name, func(t *testing.T) {
			s, task := newUnlogged(t)
			db, ids := task.databases[0], map[string]Log{"a": {Topic: one, End: 60}}
			require.NoError(t, db.write(func(b store.Batch) error {
				err := setPlace(b, 'i', "a", Place{Offset: 50})
				if c.home != "" {
					err = errors.Join(err, b.Set(metaKey('k', ""), []byte(c.home)))
				}
				return err
			}))
			f := Facts{Cluster: "here", Committed: map[string]Committed{"a": {Offset: 50}}, Inputs: ids, Accept: c.accept}
			task, err := open(s, task.ID, &Engines{Disk: db.engine})
			require.NoError(t, err)
			_, err = task.Judge(f)
			require.NoError(t, err)

			f.Accept = 0
			task, err = open(s, task.ID, &Engines{Disk: db.engine})
			require.NoError(t, err)
			_, err = task.Judge(f)
			require.NoError(t, err, "nothing happened in between")

			f.Committed["a"] = Committed{Offset: 51}
			_, err = task.Judge(f)
			var lost *LostStateError
			require.ErrorAs(t, err, &lost, "another process has gone on")
		})
	}
}

// TestAnEmptyDirectoryIsNotEnteredBeforeItsCommit: the task may have begun elsewhere when it comes back.
func TestAnEmptyDirectoryIsNotEnteredBeforeItsCommit(t *testing.T) {
	s, task := newUnlogged(t)
	db, f := task.databases[0], Facts{Cluster: "here", Committed: map[string]Committed{"a": {Offset: -1}}}
	_, err := task.Judge(f)
	require.NoError(t, err)
	f.Committed["a"] = Committed{Offset: 51}
	task, err = open(s, task.ID, &Engines{Disk: db.engine})
	require.NoError(t, err)
	_, err = task.Judge(f)
	var lost *LostStateError
	require.ErrorAs(t, err, &lost)
}

// TestWhatIsBroughtOverKnowsItsInputs: a store without a changelog that is copied has counted up to the same offsets,
// so that it is found if the group has gone on elsewhere.
func TestWhatIsBroughtOverKnowsItsInputs(t *testing.T) {
	s, task := newUnlogged(t)
	old, fresh := task.databases[0], store.OpenMemory()
	require.NoError(t, old.write(func(b store.Batch) error {
		return errors.Join(setPlace(b, 'i', "a", Place{Offset: 50}), setPlace(b, 'c', "rows", Place{Offset: 0}))
	}))
	require.NoError(t, CopyStores([]storage.Spec{task.changelogs[0].spec}, old.engine, fresh))
	task, err := open(s, task.ID, &Engines{Disk: fresh})
	require.NoError(t, err)
	f := Facts{
		Cluster: "here", Inputs: map[string]Log{"a": {Topic: one, End: 60}},
		Committed: map[string]Committed{"a": {Offset: 50}},
	}
	_, err = task.Judge(f)
	require.NoError(t, err)
	f.Committed["a"] = Committed{Offset: 51}
	_, err = task.Judge(f)
	var lost *LostStateError
	require.ErrorAs(t, err, &lost)
}

// newUnlogged is a task that reads topic "a" into a store without a changelog.
func newUnlogged(t *testing.T) (*Set, *Task) {
	g := graph.NewGraph()
	source := graph.AddSource(g, &graph.Topic{Name: "a"}, serde.Bytes, serde.Bytes, nil)
	rows := state.NewKeyValue("rows", serde.Bytes, serde.Int64).NoChangelog()
	same := operator.FoldOf(func(_ bytesRecord, n graph.Optional[int64]) (graph.Optional[int64], error) {
		return n, nil
	})
	graph.AddStep(g, "count", "here", []*graph.Node{source}, []storage.Spec{storage.Of(rows)},
		func() graph.Step { return operator.Aggregate(storage.Of(rows), same) })
	topo, err := graph.Compile(g, "app")
	require.NoError(t, err)
	s := NewSet(topo, Config{
		Partitions: map[string]int32{"a": 1}, Budget: storage.NewBudget(1 << 30), Drops: &Drops{},
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}, 0)
	task, err := s.Open(graph.TaskID{}, store.OpenMemory())
	require.NoError(t, err)
	return s, task
}

// TestIDsThatAreNotTold stay as they were known.
func TestIDsThatAreNotTold(t *testing.T) {
	_, task := newSet(t, Config{}, nil)
	_, f := judged(t)
	task.home = "here"
	task.changelogs[0].place = Place{Offset: 100, Topic: one}
	for _, in := range task.inputs {
		in.stored = Place{Offset: 50, Topic: one}
		f.Inputs[in.Topic] = Log{End: 60}
	}
	f.Cluster, f.Changelogs["counts"] = "", Log{End: 110}
	_, err := task.Judge(f)
	require.NoError(t, err)
	require.Equal(t, "here", task.home)
	require.Equal(t, one, task.changelogs[0].place.Topic)
	for _, in := range task.inputs {
		require.Equal(t, one, in.topic)
	}
}
