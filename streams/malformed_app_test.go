package streams_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/window"
)

// TestAMalformedChangelogRecord ends the application: it would be met again by each restore.
func TestAMalformedChangelogRecord(t *testing.T) {
	windows := state.NewWindow("windows", serde.String, serde.Int64)
	versions := state.NewVersioned("versions", serde.String, serde.Int64, time.Hour)
	for _, c := range []struct {
		changelog, policy string
		describe          func(b *streams.Builder)
	}{
		{"app-windows-changelog", "compact,delete", func(b *streams.Builder) {
			streams.From(b, words).GroupByKey().WindowedBy(window.Tumbling(time.Minute)).Count(windows)
		}},
		{"app-versions-changelog", "compact", func(b *streams.Builder) {
			streams.VersionedTableFrom(b, streams.NewTopic("words", serde.String, serde.Int64), versions)
		}},
	} {
		t.Run(c.changelog, func(t *testing.T) {
			r := newRig(t, "words")
			lag := "3600000"
			configs := map[string]*string{"cleanup.policy": &c.policy, "min.compaction.lag.ms": &lag}
			_, err := r.admin.CreateTopic(context.Background(), 2, -1, configs, c.changelog)
			require.NoError(t, err)
			r.produce(c.changelog, "x", "y")
			var wrong *streams.ChangelogError
			require.ErrorAs(t, r.run(c.describe, r.config(t.TempDir())), &wrong)
			require.Equal(t, c.changelog, wrong.Topic)
			require.Zero(t, wrong.Offset)
			require.NotContains(t, r.log.String(), "set aside")
		})
	}
}
