package streams_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/streams"
)

// grow writes the first record of a changelog's partition again until it has so many offsets.
func (r *rig) grow(topic string, to int64) {
	client, err := kgo.NewClient(kgo.SeedBrokers(r.fake.ListenAddrs()...), kgo.ConsumeTopics(topic),
		kgo.RecordPartitioner(kgo.ManualPartitioner()))
	require.NoError(r.t, err)
	defer client.Close()
	first := client.PollRecords(context.Background(), 1).Records()
	require.Len(r.t, first, 1)
	for r.fake.PartitionInfo(topic, 0).HighWatermark < to {
		again := &kgo.Record{Topic: topic, Key: first[0].Key, Value: first[0].Value, Headers: first[0].Headers}
		require.NoError(r.t, client.ProduceSync(context.Background(), again).FirstErr())
	}
}

// TestAChangelogCutWhileAway is as long again, or longer, when the application starts: by its length it fits the
// directory, which would go on with rows that the changelog does not have.
func TestAChangelogCutWhileAway(t *testing.T) {
	for name, guarantee := range guarantees {
		for _, more := range []int64{0, 10} {
			t.Run(fmt.Sprint(name, " grown by ", more), func(t *testing.T) {
				r := newDiskRig(t)
				config := r.config(t.TempDir())
				config.Guarantee = guarantee
				r.played(countKeys, config, 20)
				saved := filepath.Join(t.TempDir(), "saved")
				r.restarted(keyLog+"-0", func(dir string) { require.NoError(t, os.CopyFS(saved, os.DirFS(dir))) })
				r.played(countKeys, config, 10)
				end := r.fake.PartitionInfo(keyLog, 0).HighWatermark
				r.restarted(keyLog+"-0", func(dir string) {
					require.NoError(t, os.RemoveAll(dir))
					require.NoError(t, os.CopyFS(dir, os.DirFS(saved)))
				})
				require.NoError(t, r.fake.MoveTopicPartition(keyLog, 0, 0))
				require.Less(t, r.fake.PartitionInfo(keyLog, 0).HighWatermark, end)
				r.grow(keyLog, end+more)
				for range 2 {
					lost := requireStops[*streams.LostStateError](r.rig, countKeys, config)
					require.Equal(t, keyLog, lost.Topic)
					require.ErrorContains(t, lost, "has lost records since the state was entered")
					require.Empty(t, setAside(t, config))
				}
				config.Accept = streams.AcceptLostState
				r.played(countKeys, config, 1)
				require.Len(t, setAside(t, config), 1)
				config.Accept = 0
				r.played(countKeys, config, 1)
			})
		}
	}
}

// TestChangelogsThatAreWhole are not said to be cut: their leaders move before, while and after an application runs,
// which goes on with the directory of its last run, or with one of long ago.
func TestChangelogsThatAreWhole(t *testing.T) {
	for change, do := range map[string]func(r *rig){
		"led anew": func(*rig) {},
		"led by one that has forgotten where others ended": func(r *rig) { r.cutAt(keyLog, 2) },
		"compacted": func(r *rig) {
			for _, topic := range []string{"words", "per-key", keyLog} {
				r.alter(topic, "retention.ms", "-1")
			}
			r.fake.Compact()
		},
		"deleted in part":           func(r *rig) { r.deleteRecords(keyLog, func(end int64) int64 { return end / 2 }) },
		"without a record any more": func(r *rig) { r.deleteRecords(keyLog, func(end int64) int64 { return end - 1 }) },
	} {
		for name, guarantee := range guarantees {
			t.Run(change+" "+name, func(t *testing.T) {
				r := newCountRig(t)
				config := r.config(t.TempDir())
				config.Guarantee = guarantee
				r.played(countKeys, config, 20)
				old := copied(t, config.StateDir)
				for range 2 {
					r.newEpoch(keyLog)
					r.played(countKeys, config, 20)
				}
				_, stop := r.start(countKeys, config)
				r.send(20)
				r.read("per-key", r.sent)
				r.newEpoch(keyLog)
				r.send(20)
				r.read("per-key", r.sent)
				require.NoError(t, stop())
				do(r)
				r.newEpoch(keyLog)
				r.played(countKeys, config, 20)
				if change != "deleted in part" && change != "without a record any more" {
					config.StateDir = old
					r.played(countKeys, config, 20)
				}
				r.requireCounts("per-key", 10)
			})
		}
	}
}

// deleteRecords deletes the records of a topic in front of an offset, which is chosen by the end of each partition.
func (r *rig) deleteRecords(topic string, to func(end int64) int64) {
	for _, p := range r.fake.PartitionInfos(topic) {
		require.NoError(r.t, r.fake.DeleteRecords(topic, p.Partition, to(p.HighWatermark)))
	}
}
