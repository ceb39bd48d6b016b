package streams_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

// damagedEngine is a database that cannot be read once it is told so, until it is opened anew.
type damagedEngine struct {
	state.Engine
	damaged *atomic.Bool
}

func (e damagedEngine) Get(dst, key []byte) ([]byte, bool, error) {
	if e.damaged.Load() {
		return nil, false, fmt.Errorf("block: %w", store.ErrCorrupt)
	}
	return e.Engine.Get(dst, key)
}

// TestDamageWhileRunningCostsOneTask: the others go on in the same session, and nothing is counted twice.
func TestDamageWhileRunningCostsOneTask(t *testing.T) {
	for _, guarantee := range []streams.Guarantee{streams.ExactlyOnce, streams.AtLeastOnce} {
		t.Run(guarantee.String(), func(t *testing.T) {
			r := newCountRig(t)
			config := r.config(t.TempDir())
			config.Guarantee, config.Workers = guarantee, 1
			stop := r.startRunning(countWords, config)
			r.send(40)
			r.requireCounts("per-key", 10)
			require.NoError(t, stop())

			var mu sync.Mutex
			opened := map[string]int{}
			var damaged atomic.Bool
			budget := store.NewBudget(1<<20, 4)
			defer budget.Close()
			config.OpenEngine = func(dir string) (state.Engine, error) {
				mu.Lock()
				defer mu.Unlock()
				engine, err := store.OpenPebble(dir, store.Options{Budget: budget})
				if opened[filepath.Base(dir)]++; filepath.Base(dir) == "0_0" && opened["0_0"] == 1 && err == nil {
					return damagedEngine{engine, &damaged}, nil
				}
				return engine, err
			}
			var ended atomic.Int64
			config.Events.SessionEnded = func(e streams.SessionEnd) {
				if e.Err != nil {
					ended.Add(1)
				}
			}
			stop = r.startRunning(countWords, config)
			damaged.Store(true)
			r.send(40)
			r.requireCounts("per-key", 10)
			r.requireCounts("per-word", 7)
			r.requireLog("the others go on")
			require.NoError(t, stop())
			require.Zero(t, ended.Load(), "no session but the last")
			require.Equal(t, map[string]int{"0_0": 2, "0_1": 1, "1_0": 1, "1_1": 1}, opened)
		})
	}
}
