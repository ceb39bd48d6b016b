package store_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/store"
)

// viewed are the engines that show what was committed.
func viewed(t *testing.T, test func(t *testing.T, e store.Engine)) {
	t.Run("memory", func(t *testing.T) { test(t, store.OpenMemory()) })
	t.Run("pebble", func(t *testing.T) { test(t, open(t, t.TempDir())) })
}

func viewOf(t require.TestingT, e store.Engine) store.View {
	v, err := e.(store.Viewer).View()
	require.NoError(t, err)
	return v
}

func set(t *testing.T, e store.Engine, key, value string) {
	b := e.NewBatch()
	require.NoError(t, b.Set([]byte(key), []byte(value)))
	require.NoError(t, b.Commit())
}

func valueIn(v store.View, key string) string {
	value, _, err := v.Get(nil, []byte(key))
	if err != nil {
		return err.Error()
	}
	return string(value)
}

// TestViewIsOfOneCommit: what is committed later does not show, whoever looks, and a new view has it.
func TestViewIsOfOneCommit(t *testing.T) {
	viewed(t, func(t *testing.T, e store.Engine) {
		set(t, e, "a", "1")
		first, same := viewOf(t, e), viewOf(t, e)
		open := e.NewBatch()
		require.NoError(t, open.Set([]byte("a"), []byte("2")))
		require.Equal(t, "1", valueIn(viewOf(t, e), "a"), "it is not committed")
		require.NoError(t, open.Commit())
		second := viewOf(t, e)
		set(t, e, "b", "3")
		require.Equal(t, "1", valueIn(first, "a"))
		require.Equal(t, "2", valueIn(second, "a"))
		require.Empty(t, valueIn(second, "b"))
		it, err := second.Scan(nil, nil, false)
		require.NoError(t, err)
		require.True(t, it.Next())
		require.Equal(t, "a2", string(it.Key())+string(it.Value()))
		require.False(t, it.Next())
		require.NoError(t, it.Close())
		first.Close()
		require.Equal(t, store.ErrClosed.Error(), valueIn(first, "a"))
		require.Equal(t, "1", valueIn(same, "a"), "it is shared")
		require.NoError(t, e.Close())
	})
}

// TestViewOfAClosedEngine: scans and views that are open when the engine is closed end with an error, and nobody touches
// what is gone. The last scan goes on beside Close.
func TestViewOfAClosedEngine(t *testing.T) {
	e := open(t, t.TempDir())
	writeAll(t, e, 0, 20)
	old := viewOf(t, e)
	writeAll(t, e, 20, 40)
	var wait sync.WaitGroup
	for range 4 {
		v := viewOf(t, e)
		started := make(chan struct{})
		wait.Go(func() {
			once := sync.OnceFunc(func() { close(started) })
			for {
				it, err := v.Scan(nil, nil, false)
				if err != nil {
					assert.ErrorIs(t, err, store.ErrClosed)
					return
				}
				for it.Next() {
					once()
				}
				if err := it.Close(); err != nil {
					assert.ErrorIs(t, err, store.ErrClosed)
				}
			}
		})
		<-started
	}
	it, err := old.Scan(nil, nil, true)
	require.NoError(t, err)
	require.True(t, it.Next())
	key := string(it.Key())
	require.NoError(t, e.Close())
	wait.Wait()
	require.Equal(t, key, string(it.Key()), "valid until Next")
	require.False(t, it.Next())
	require.ErrorIs(t, it.Close(), store.ErrClosed)
	_, _, err = old.Get(nil, []byte("a"))
	require.ErrorIs(t, err, store.ErrClosed)
	old.Close()
	_, err = e.(store.Viewer).View()
	require.ErrorIs(t, err, store.ErrClosed)
}

// TestViewsBesideCommits: each view has all of a commit or nothing of it, while one goroutine commits without a pause.
func TestViewsBesideCommits(t *testing.T) {
	viewed(t, func(t *testing.T, e store.Engine) {
		done := make(chan struct{})
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() {
				for last := ""; ; {
					v := viewOf(t, e)
					a, b := valueIn(v, "a"), valueIn(v, "b")
					v.Close()
					assert.Equal(t, a, b)
					assert.GreaterOrEqual(t, a, last, "no view is older than one before")
					last = a
					select {
					case <-done:
						return
					default:
					}
				}
			})
		}
		for i := range 2_000 {
			b := e.NewBatch()
			require.NoError(t, b.Set([]byte("a"), fmt.Appendf(nil, "%06d", i)))
			require.NoError(t, b.Set([]byte("b"), fmt.Appendf(nil, "%06d", i)))
			require.NoError(t, b.Commit())
			v := viewOf(t, e)
			require.Equal(t, fmt.Sprintf("%06d", i), valueIn(v, "a"), "a view is not older than the last commit")
			v.Close()
		}
		close(done)
		wait.Wait()
		require.NoError(t, e.Close())
	})
}
