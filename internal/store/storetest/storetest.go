// Package storetest is the contract that every store.Engine passes.
package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/millstream-go/millstream/internal/store"
)

// Run checks engines that open makes, each empty. It closes them.
func Run(t *testing.T, open func(t *testing.T) store.Engine) {
	run := func(name string, test func(t *testing.T, e store.Engine)) {
		t.Run(name, func(t *testing.T) {
			e := open(t)
			test(t, e)
			require.NoError(t, e.Close())
		})
	}
	run("Get", testGet)
	run("BatchIsInvisibleUntilCommit", testInvisible)
	run("ClosedBatchIsDiscarded", testDiscard)
	run("EndedBatchTakesNothing", testEnded)
	run("BatchKeepsItsOrder", testOrder)
	run("DeleteRange", testDeleteRange)
	run("Len", testLen)
	run("EmptyKeysAndValues", testEmpty)
	run("ScanBounds", testScan)
	run("ScanShowsTheStateAtItsStart", testSnapshot)
	run("BatchCopiesWhatItIsGiven", testCopies)
	run("ReadersBesideAWriter", testReaders)
	t.Run("Model", func(t *testing.T) {
		rapid.Check(t, func(rt *rapid.T) { testModel(rt, func() store.Engine { return open(t) }, nil) })
	})
}

// RunReopened checks that engines keep their rows. Open opens the engine of a directory, which is empty or was used by
// an engine that is closed.
func RunReopened(t *testing.T, open func(t *testing.T, dir string) store.Engine) {
	t.Run("RowsStay", func(t *testing.T) {
		dir := t.TempDir()
		e := open(t, dir)
		set(t, e, "a", "b")
		require.NoError(t, e.NewBatch().Set([]byte("c"), nil), "and is never committed")
		require.NoError(t, e.Close())
		e = open(t, dir)
		require.Equal(t, []string{"a", "b"}, scan(t, e, nil, nil, false))
		require.NoError(t, e.Close())
	})
	t.Run("ModelReopened", func(t *testing.T) {
		rapid.Check(t, func(rt *rapid.T) {
			dir := t.TempDir()
			reopen := func() store.Engine { return open(t, dir) }
			testModel(rt, reopen, reopen)
		})
	})
}

func commit(t require.TestingT, e store.Engine, fill func(b store.Batch) error) {
	b := e.NewBatch()
	require.NoError(t, fill(b))
	require.NoError(t, b.Commit())
	require.NoError(t, b.Close())
}

func set(t require.TestingT, e store.Engine, keys ...string) {
	commit(t, e, func(b store.Batch) error {
		for _, k := range keys {
			if err := b.Set([]byte(k), []byte("v"+k)); err != nil {
				return err
			}
		}
		return nil
	})
}

func get(t require.TestingT, e store.Engine, key string) (string, bool) {
	v, ok, err := e.Get(nil, []byte(key))
	require.NoError(t, err)
	return string(v), ok
}

// scan is the keys that a scan shows.
func scan(t require.TestingT, e store.Engine, lower, upper []byte, reverse bool) []string {
	it, err := e.Scan(lower, upper, reverse)
	require.NoError(t, err)
	keys := []string{}
	for it.Next() {
		keys = append(keys, string(it.Key()))
	}
	require.NoError(t, it.Close())
	return keys
}

func testGet(t *testing.T, e store.Engine) {
	_, ok := get(t, e, "a")
	require.False(t, ok)
	set(t, e, "a")
	v, ok, err := e.Get([]byte("before "), []byte("a"))
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "before va", string(v), "the value is appended to dst")
}

func testInvisible(t *testing.T, e store.Engine) {
	b := e.NewBatch()
	require.NoError(t, b.Set([]byte("a"), nil))
	_, ok := get(t, e, "a")
	require.False(t, ok)
	require.NoError(t, b.Commit())
	v, ok := get(t, e, "a")
	require.True(t, ok, "an empty value is a value")
	require.Empty(t, v)
	require.NoError(t, b.Close())
}

func testDiscard(t *testing.T, e store.Engine) {
	b := e.NewBatch()
	require.NoError(t, b.Set([]byte("a"), []byte("1")))
	require.NoError(t, b.Close())
	require.NoError(t, b.Close(), "a batch may be closed more than once")
	require.Error(t, b.Commit())
	_, ok := get(t, e, "a")
	require.False(t, ok)
}

func testEnded(t *testing.T, e store.Engine) {
	committed, closed := e.NewBatch(), e.NewBatch()
	require.NoError(t, committed.Set([]byte("a"), nil))
	require.NoError(t, committed.Commit())
	require.NoError(t, closed.Close())
	for _, b := range []store.Batch{committed, closed} {
		require.Error(t, b.Set([]byte("b"), nil))
		require.Error(t, b.Delete([]byte("a")))
		require.Error(t, b.DeleteRange([]byte("a"), []byte("b")))
		require.Error(t, b.Commit())
		require.Zero(t, b.Len())
		require.NoError(t, b.Close())
	}
	require.Equal(t, []string{"a"}, scan(t, e, nil, nil, false))
}

func testOrder(t *testing.T, e store.Engine) {
	commit(t, e, func(b store.Batch) error {
		require.NoError(t, b.Set([]byte("a"), []byte("1")))
		require.NoError(t, b.Set([]byte("b"), []byte("1")))
		require.NoError(t, b.DeleteRange([]byte("a"), []byte("c")))
		require.NoError(t, b.Set([]byte("b"), []byte("2")))
		return b.Delete([]byte("z"))
	})
	require.Equal(t, []string{"b"}, scan(t, e, nil, nil, false))
	v, _ := get(t, e, "b")
	require.Equal(t, "2", v)
}

func testDeleteRange(t *testing.T, e store.Engine) {
	set(t, e, "a", "b", "c", "d")
	for _, c := range []struct{ lower, upper string }{{"b", "b"}, {"d", "a"}, {"bb", "bc"}} {
		commit(t, e, func(b store.Batch) error { return b.DeleteRange([]byte(c.lower), []byte(c.upper)) })
		require.Equal(t, []string{"a", "b", "c", "d"}, scan(t, e, nil, nil, false), "%q to %q", c.lower, c.upper)
	}
	commit(t, e, func(b store.Batch) error { return b.DeleteRange([]byte("b"), []byte("d")) })
	require.Equal(t, []string{"a", "d"}, scan(t, e, nil, nil, false))
	set(t, e, "c")
	require.Equal(t, []string{"a", "c", "d"}, scan(t, e, nil, nil, false), "later rows are not in the range deletion")
}

func testLen(t *testing.T, e store.Engine) {
	b := e.NewBatch()
	require.Zero(t, b.Len())
	require.NoError(t, b.Set([]byte("a"), make([]byte, 100)))
	one := b.Len()
	require.GreaterOrEqual(t, one, 100)
	require.NoError(t, b.Delete([]byte("b")))
	require.Greater(t, b.Len(), one)
	require.NoError(t, b.Close())
}

func testEmpty(t *testing.T, e store.Engine) {
	commit(t, e, func(b store.Batch) error {
		require.Error(t, b.Set(nil, []byte("of the empty key")))
		require.Error(t, b.Delete([]byte{}))
		return b.Set([]byte("a"), nil)
	})
	_, ok := get(t, e, "")
	require.False(t, ok)
	v, ok := get(t, e, "a")
	require.True(t, ok, "an empty value is a value")
	require.Empty(t, v)
	require.Equal(t, []string{"a"}, scan(t, e, []byte{}, nil, true))
	require.Equal(t, []string{}, scan(t, e, nil, []byte{}, false), "an empty upper bound is not a nil one")
	commit(t, e, func(b store.Batch) error { return b.DeleteRange(nil, []byte("b")) })
	require.Equal(t, []string{}, scan(t, e, nil, nil, false))
}

func testScan(t *testing.T, e store.Engine) {
	set(t, e, "a", "b", "c", "d")
	for _, c := range []struct {
		lower, upper string
		want         []string
	}{
		{"", "", []string{"a", "b", "c", "d"}},
		{"b", "d", []string{"b", "c"}},
		{"b", "", []string{"b", "c", "d"}},
		{"bb", "cc", []string{"c"}},
		{"x", "", []string{}},
		{"b", "b", []string{}},
	} {
		var upper []byte
		if c.upper != "" {
			upper = []byte(c.upper)
		}
		require.Equal(t, c.want, scan(t, e, []byte(c.lower), upper, false), "%q to %q", c.lower, c.upper)
		slices.Reverse(c.want)
		require.Equal(t, c.want, scan(t, e, []byte(c.lower), upper, true), "%q to %q, reverse", c.lower, c.upper)
	}
}

func testSnapshot(t *testing.T, e store.Engine) {
	set(t, e, "a", "c")
	lower, upper := []byte("a"), []byte("z")
	it, err := e.Scan(lower, upper, false)
	require.NoError(t, err)
	lower[0], upper[0] = 'x', 'a' // the bounds were copied
	require.True(t, it.Next())
	set(t, e, "b")
	commit(t, e, func(b store.Batch) error { return b.Delete([]byte("c")) })
	require.True(t, it.Next())
	require.Equal(t, "c", string(it.Key()))
	require.False(t, it.Next())
	require.NoError(t, it.Close())
	require.Equal(t, []string{"a", "b"}, scan(t, e, nil, nil, false))
}

func testCopies(t *testing.T, e store.Engine) {
	key, value := []byte("k"), []byte("v")
	commit(t, e, func(b store.Batch) error {
		require.NoError(t, b.Set(key, value))
		key[0], value[0] = 'x', 'x'
		return nil
	})
	v, ok := get(t, e, "k")
	require.True(t, ok)
	require.Equal(t, "v", v)
}

// testReaders looks from two goroutines at pairs of rows that are always written together. They end when the writer
// has closed done.
func testReaders(t *testing.T, e store.Engine) {
	done := make(chan struct{})
	failures := make(chan error, 2)
	for range cap(failures) {
		go func() { failures <- watchPair(e, done) }()
	}
	for i := range 200 {
		commit(t, e, func(b store.Batch) error {
			return errors.Join(b.Set([]byte("a"), []byte(fmt.Sprint(i))), b.Set([]byte("b"), []byte(fmt.Sprint(i))))
		})
	}
	close(done)
	for range cap(failures) {
		require.NoError(t, <-failures)
	}
}

func watchPair(e store.Engine, done chan struct{}) error {
	for {
		it, err := e.Scan(nil, nil, false)
		if err != nil {
			return err
		}
		var values []string
		for it.Next() {
			values = append(values, string(it.Value()))
		}
		if err := it.Close(); err != nil {
			return err
		}
		if len(values) != 0 && (len(values) != 2 || values[0] != values[1]) {
			return fmt.Errorf("half a batch: %q", values)
		}
		select {
		case <-done:
			return nil
		default:
		}
	}
}
