package streams

import (
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/worker"
)

// TestTheLastReportCounts: however the reports of workers meet, the state is that of the last ones in the end, and
// Events.StateChanged heard of each change, in their order.
func TestTheLastReportCounts(t *testing.T) {
	for range 20_000 {
		is := Created
		events := Events{StateChanged: func(was, now State) {
			if was != is {
				t.Errorf("%v after %v", was, is)
			}
			is = now
		}}
		log := slog.New(slog.DiscardHandler)
		a := &App{config: Config{Logger: log}, events: newListening(events, log)}
		a.events.begin()
		a.mu.workers = make([]picture, 2)
		var reports sync.WaitGroup
		for i := range 2 {
			reports.Go(func() {
				a.told(i, worker.Restoring)
				a.told(i, worker.Running)
			})
		}
		reports.Wait()
		a.events.end(time.Hour)
		require.Equal(t, Running, a.State())
		require.Equal(t, Running, is)
	}
}
