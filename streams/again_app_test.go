package streams_test

import (
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/state"
)

// TestAWorkerThatBeginsAgainOpensNoDatabase: those of its tasks are as they were at the last commit.
func TestAWorkerThatBeginsAgainOpensNoDatabase(t *testing.T) {
	r := newCountRig(t)
	config := r.config(t.TempDir())
	var opened atomic.Int64
	config.OpenEngine = func(string) (state.Engine, error) {
		opened.Add(1)
		return store.OpenMemory(), nil
	}
	stop := r.startRunning(countWords, config)
	r.send(20)
	r.requireCounts("per-key", 10)
	failing := r.fake.Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.EndTxn}, TopLevel: true, Err: kerr.InvalidProducerEpoch,
	})
	r.send(20)
	r.requireCounts("per-key", 10)
	r.requireCounts("per-word", 7)
	require.NoError(t, stop())
	require.Equal(t, 1, failing.Hits())
	r.requireLog("begins again")
	require.Equal(t, int64(4), opened.Load(), "one for each task")
}
