package streams

import (
	"log/slog"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/worker"
)

// TestTheLastReportCounts: however the reports of workers meet, the state is that of the last ones in the end, and
// OnState heard of each change, in their order.
func TestTheLastReportCounts(t *testing.T) {
	for range 20_000 {
		is := Created
		a := &App{config: Config{Logger: slog.New(slog.DiscardHandler), OnState: func(was, now State) {
			if was != is {
				t.Errorf("%v after %v", was, is)
			}
			is = now
		}}}
		a.mu.workers = make([]worker.State, 2)
		var reports sync.WaitGroup
		for i := range 2 {
			reports.Go(func() {
				a.report(i, worker.Restoring)
				a.report(i, worker.Running)
			})
		}
		reports.Wait()
		require.Equal(t, Running, a.State())
		require.Equal(t, Running, is)
	}
}
