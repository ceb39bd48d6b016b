package streams_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/window"
)

const keyLog = "app-per-key-changelog"

// last is the last count of a key.
func (r *rig) last(key string) (n int64) {
	for _, rec := range r.read("per-key", r.sent) {
		if string(rec.Key) == key {
			var err error
			n, err = serde.Int64.Decode(rec.Value)
			require.NoError(r.t, err)
		}
	}
	return n
}

// TestChangelogCreatedAnew: the local rows are the last copy, and stay.
func TestChangelogCreatedAnew(t *testing.T) {
	r := newRig(t, "words", "per-key")
	config := r.config(t.TempDir())
	r.played(countKeys, config, 50)
	compact := "compact"
	_, err := r.admin.DeleteTopic(context.Background(), keyLog)
	require.NoError(t, err)
	_, err = r.admin.CreateTopic(context.Background(), 2, -1, map[string]*string{"cleanup.policy": &compact}, keyLog)
	require.NoError(t, err)
	for range 2 {
		lost := requireStops[*streams.LostStateError](r, countKeys, config)
		require.Equal(t, "per-key", lost.Store)
		require.Equal(t, keyLog, lost.Topic)
		require.ErrorContains(t, lost, "AcceptLostState")
		require.Empty(t, setAside(t, config))
	}
	config.Accept = streams.AcceptLostState
	r.played(countKeys, config, 10)
	require.Equal(t, int64(1), r.last("k0"))
	require.NotEmpty(t, setAside(t, config))
	config.Accept = 0
	r.played(countKeys, config, 10)
	require.Equal(t, int64(2), r.last("k0"))
}

// setAside are the databases that were set aside.
func setAside(t *testing.T, config streams.Config) []string {
	found, err := filepath.Glob(filepath.Join(config.StateDir, "app", "*.stale-*"))
	require.NoError(t, err)
	return found
}

// TestChangelogThatWasEmptied: it has nothing to restore from.
func TestChangelogThatWasEmptied(t *testing.T) {
	r := newRig(t, "words", "per-key")
	config := r.config(t.TempDir())
	r.played(countKeys, config, 20)
	old := copied(t, config.StateDir)
	r.played(countKeys, config, 20)
	ends, err := r.admin.ListEndOffsets(context.Background(), keyLog)
	require.NoError(t, err)
	_, err = r.admin.DeleteRecords(context.Background(), ends.Offsets())
	require.NoError(t, err)
	config.StateDir = old
	requireStops[*streams.LostStateError](r, countKeys, config)
}

// TestStateOfAnotherCluster is set aside, although the changelogs are long enough for it.
func TestStateOfAnotherCluster(t *testing.T) {
	for name, ids := range map[string][]kfake.Opt{
		"by its id": {kfake.ClusterID("another")}, "by the ids of its topics": nil,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			other := newRigOf(t, append(ids, kfake.SeedTopics(2, "words", "per-key"))...)
			other.played(countKeys, other.config(dir), 50)

			r := newRig(t, "words", "per-key")
			r.played(countKeys, r.config(t.TempDir()), 100)
			config := r.config(dir)
			r.played(countKeys, config, 10)
			require.Equal(t, int64(11), r.last("k0"))
			require.Len(t, setAside(t, config), 2)
		})
	}
}

// TestStateOfAnotherClusterWithoutChangelog: there the group has counted, and nothing here has the state.
func TestStateOfAnotherClusterWithoutChangelog(t *testing.T) {
	dir := t.TempDir()
	other := newRigOf(t, kfake.ClusterID("another"), kfake.SeedTopics(2, "words", "per-key"))
	other.played(countKeys, other.config(dir), 50)
	r := newRig(t, "words", "per-key")
	r.send(20)
	r.setOffsets("words", 5)
	config := r.config(dir)
	config.AllowNewStores = true
	requireStops[*streams.LostStateError](r, countKeys, config)
}

// TestStateOlderThanTheDeletes of its changelog is restored anew: deletes may be missing. A changelog may forget them at
// once.
func TestStateOlderThanTheDeletes(t *testing.T) {
	for _, retention := range []string{"1", "0"} {
		t.Run(retention, func(t *testing.T) {
			r := newRig(t, "words", "per-key")
			config := r.config(t.TempDir())
			config.TopicConfigs = map[string]string{"delete.retention.ms": retention}
			r.played(countKeys, config, 20)
			old := copied(t, config.StateDir)
			r.played(countKeys, config, 20)
			config.StateDir = old
			r.played(countKeys, config, 20)
			r.requireCounts("per-key", 10)
			r.requireLog("may have forgotten deletes")
			require.Empty(t, setAside(t, config), "the changelog has had all of it")
		})
	}
}

// TestStateThatIsUpToDate is not restored anew, however old.
func TestStateThatIsUpToDate(t *testing.T) {
	r := newRig(t, "words", "per-key")
	config := r.config(t.TempDir())
	config.TopicConfigs = map[string]string{"delete.retention.ms": "1"}
	r.played(countKeys, config, 20)
	time.Sleep(2 * time.Millisecond)
	r.played(countKeys, config, 20)
	require.NotContains(t, r.log.String(), "set aside")
}

// TestStoreWithoutChangelog: what is missing in its directory is missing for good.
func TestStoreWithoutChangelog(t *testing.T) {
	rows := state.NewKeyValue("per-key", serde.String, serde.Int64).NoChangelog()
	count := func(b *streams.Builder) { streams.From(b, words).GroupByKey().Count(rows).ToStream().To(perKey) }
	for name, c := range map[string]struct {
		dir   func(old string) string
		count int64
	}{
		"a commit behind":  {func(old string) string { return old }, 3},
		"nothing is there": {func(string) string { return t.TempDir() }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "words", "per-key")
			config := r.config(t.TempDir())
			r.played(count, config, 10)
			r.played(count, config, 10)
			require.Equal(t, int64(2), r.last("k0"))
			old := copied(t, config.StateDir)
			r.played(count, config, 10)
			config.StateDir = c.dir(old)
			for range 2 {
				lost := requireStops[*streams.LostStateError](r, count, config)
				require.Equal(t, "per-key", lost.Store)
				require.Empty(t, lost.Topic)
			}
			config.Accept = streams.AcceptLostState
			r.played(count, config, 10)
			require.Equal(t, c.count, r.last("k0"))
			config.Accept = 0
			r.played(count, config, 10)
			require.Equal(t, c.count+1, r.last("k0"))
		})
	}
}

// TestStoreWithoutChangelogBesideOthers outlives that its task is restored.
func TestStoreWithoutChangelogBesideOthers(t *testing.T) {
	rows := state.NewKeyValue("unlogged", serde.String, serde.Int64).NoChangelog()
	windows := state.NewWindow("windows", serde.String, serde.Int64)
	describe := func(b *streams.Builder) {
		s := streams.From(b, words)
		s.GroupByKey().WindowedBy(window.Tumbling(time.Hour)).Count(windows)
		s.GroupByKey().Count(rows).ToStream().To(perKey)
	}
	r := newRig(t, "words", "per-key")
	config := r.config(t.TempDir())
	r.played(describe, config, 20)
	_, err := r.admin.DeleteTopic(context.Background(), "app-windows-changelog")
	require.NoError(t, err)
	config.AllowNewStores, config.Accept = true, streams.AcceptLostState
	r.played(describe, config, 20)
	r.requireCounts("per-key", 10)
	require.NotEmpty(t, setAside(t, config))
}

// TestDeletedRepartitionTopic is not made anew: what was under way in it would be gone.
func TestDeletedRepartitionTopic(t *testing.T) {
	r := newCountRig(t)
	config := r.config(t.TempDir())
	_, stop := r.start(countWords, config)
	r.send(10)
	r.requireCounts("per-word", 7)
	require.NoError(t, stop())
	const topic = "app-by-word-repartition"
	_, err := r.admin.DeleteTopic(context.Background(), topic)
	require.NoError(t, err)
	wrong := requireStops[*streams.InternalTopicError](r, countWords, config)
	require.Equal(t, topic, wrong.Topic)
	require.ErrorContains(t, wrong, "AllowNewStores")
	r.create(topic, 2)
	lost := requireStops[*streams.LostInputError](r, countWords, config)
	require.Equal(t, topic, lost.Topic)
}

// alter changes a setting of a topic.
func (r *rig) alter(topic, name, value string) {
	set := []kadm.AlterConfig{{Op: kadm.SetConfig, Name: name, Value: &value}}
	_, err := r.admin.AlterTopicConfigs(context.Background(), set, topic)
	require.NoError(r.t, err)
}

// TestChangelogInAnotherFormat: a new directory knows nothing of it, the changelog does.
func TestChangelogInAnotherFormat(t *testing.T) {
	for name, describe := range map[string]func(b *streams.Builder){
		"another serde": func(b *streams.Builder) {
			streams.TableFrom(b, words, state.NewKeyValue("per-key", serde.String, serde.String))
		},
		"another kind": func(b *streams.Builder) {
			streams.From(b, words).GroupByKey().WindowedBy(window.Tumbling(time.Minute)).
				Count(state.NewWindow("per-key", serde.String, serde.Int64))
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "words", "per-key")
			r.played(countKeys, r.config(t.TempDir()), 20)
			policy := "compact,delete"
			r.alter(keyLog, "cleanup.policy", policy)
			if name == "another serde" {
				r.alter(keyLog, "cleanup.policy", "compact")
			}
			wrong := requireStops[*streams.StateFormatError](r, describe, r.config(t.TempDir()))
			require.Equal(t, "per-key", wrong.Store)
			require.Equal(t, keyLog, wrong.Changelog)
			require.Equal(t, storage.Of(keyRows).Format(), wrong.Have)
			require.NotContains(t, wrong.Error(), "another program")
		})
	}
}

// TestAStoreOfAnotherKindUnderTheSameName: its changelog has the settings of the other kind, and the error says so before
// anybody mends them.
func TestAStoreOfAnotherKindUnderTheSameName(t *testing.T) {
	kinds := map[string]func(b *streams.Builder){
		"window": func(b *streams.Builder) {
			streams.From(b, words).GroupByKey().WindowedBy(window.Tumbling(240 * time.Hour)).
				Count(state.NewWindow("per-key", serde.String, serde.Int64))
		},
		"versioned": func(b *streams.Builder) {
			streams.VersionedTableFrom(b, words, state.NewVersioned("per-key", serde.String, serde.String, 24*time.Hour))
		},
	}
	for _, kind := range sortedKeys(kinds) {
		t.Run(kind, func(t *testing.T) {
			r := newRig(t, "words", "per-key")
			r.played(countKeys, r.config(t.TempDir()), 20)
			wrong := requireStops[*streams.InternalTopicError](r, kinds[kind], r.config(t.TempDir()))
			require.Equal(t, keyLog, wrong.Topic)
			require.ErrorContains(t, wrong, "another kind of store")
			require.ErrorContains(t, wrong, "new name")
		})
	}
}

// TestRowsOfOtherWindows are refused, wherever they are: under windows of another size they would be other windows, and
// those that were open never come out.
func TestRowsOfOtherWindows(t *testing.T) {
	counted := func(w window.Windows) func(b *streams.Builder) {
		return func(b *streams.Builder) {
			streams.From(b, words).GroupByKey().WindowedBy(w).Count(state.NewWindow("per-key", serde.String, serde.Int64)).
				Updates().ByKey().To(streams.NewTopic("per-key", serde.String, serde.Int64))
		}
	}
	hours, minutes := counted(window.Tumbling(time.Hour)), counted(window.Tumbling(10*time.Minute))
	longer := counted(window.Tumbling(time.Hour).Grace(time.Minute))
	r := newRig(t, "words", "per-key")
	config := r.config(t.TempDir())
	r.played(hours, config, 20)
	r.played(longer, config, 10) // the same windows
	for _, dir := range []string{config.StateDir, t.TempDir()} {
		wrong := requireStops[*streams.StateFormatError](r, minutes, r.config(dir))
		require.Equal(t, "windows of tumbling(1h0m0s)", wrong.Have)
		require.Equal(t, "windows of tumbling(10m0s)", wrong.Want)
		require.Equal(t, dir != config.StateDir, wrong.Changelog != "")
		require.ErrorContains(t, wrong, "give the store a new name")
	}
	r.played(hours, config, 10)
}
