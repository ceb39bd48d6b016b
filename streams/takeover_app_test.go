package streams_test

import (
	"context"
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/window"
)

// TestFinalResultsAfterJava: windows that a Java application has let out, by suppress or on close, do not come again,
// although their rows are still in the changelog; those that it has not let out do.
func TestFinalResultsAfterJava(t *testing.T) {
	const minute = 60_000
	for name, c := range map[string]struct {
		times map[string]int64
		want  int64 // start of the first window that comes out
	}{
		"suppress, at the time of the last record": {nil, 9 * minute},
		"on close, which it looks at now and then": {map[string]int64{"minutes": 8 * minute}, 8 * minute},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRigOf(t, kfake.SeedTopics(1, "words", "out"))
			compact := "compact,delete"
			_, err := r.admin.CreateTopic(context.Background(), 1, 1, map[string]*string{"cleanup.policy": &compact},
				"app-minutes-changelog")
			require.NoError(t, err)
			var rows []*kgo.Record
			for start := range int64(10) {
				key := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64([]byte("k"), uint64(start*minute)), 0)
				rows = append(rows, &kgo.Record{
					Topic: "app-minutes-changelog", Key: key, Value: binary.BigEndian.AppendUint64(nil, 1),
					Timestamp: time.UnixMilli(start * minute),
				})
			}
			word := func(at int64) *kgo.Record {
				return &kgo.Record{Topic: "words", Key: []byte("k"), Value: []byte("w"), Timestamp: time.UnixMilli(at)}
			}
			client, err := kgo.NewClient(kgo.SeedBrokers(r.fake.ListenAddrs()...))
			require.NoError(t, err)
			defer client.Close()
			// Java has taken the first record, and commits.
			const at = 9*minute + minute/2
			require.NoError(t, client.ProduceSync(context.Background(), append(rows, word(at))...).FirstErr())
			var offsets kadm.Offsets
			offsets.Add(kadm.Offset{
				Topic: "words", At: 1, LeaderEpoch: -1, Metadata: graph.Metadata{PartitionTime: at, Times: c.times}.Encode(),
			})
			require.NoError(t, r.admin.CommitAllOffsets(context.Background(), "app", offsets))

			require.NoError(t, client.ProduceSync(context.Background(), word(at+1), word(12*minute)).FirstErr())
			minutes := window.Tumbling(time.Minute)
			config := r.config(t.TempDir())
			config.WindowRetention = 100 * 365 * 24 * time.Hour
			_, stop := r.start(func(b *streams.Builder) {
				counted := streams.From(b, words).GroupByKey().WindowedBy(minutes).
					Count(state.NewWindow("minutes", serde.String, serde.Int64).Retain(time.Hour))
				streams.WindowedResults(counted.Final()).To(streams.NewTopic("out", window.TimeKey(serde.String, minutes), serde.Int64))
			}, config)
			first := r.read("out", 1)[0]
			require.NoError(t, stop())
			require.Equal(t, c.want, int64(binary.BigEndian.Uint64(first.Key[len(first.Key)-8:])))
		})
	}
}
