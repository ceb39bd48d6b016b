// Package storetest is the contract that every store.Engine passes.
package storetest

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/millstream-go/millstream/internal/store"
)

// Run checks engines that open makes, each empty.
func Run(t *testing.T, open func(t testing.TB) store.Engine) {
	t.Run("Get", func(t *testing.T) { testGet(t, open(t)) })
	t.Run("BatchIsInvisibleUntilCommit", func(t *testing.T) { testInvisible(t, open(t)) })
	t.Run("ClosedBatchIsDiscarded", func(t *testing.T) { testDiscard(t, open(t)) })
	t.Run("BatchKeepsItsOrder", func(t *testing.T) { testOrder(t, open(t)) })
	t.Run("ScanBounds", func(t *testing.T) { testScan(t, open(t)) })
	t.Run("ScanShowsTheStateAtItsStart", func(t *testing.T) { testSnapshot(t, open(t)) })
	t.Run("BatchCopiesWhatItIsGiven", func(t *testing.T) { testCopies(t, open(t)) })
	t.Run("Model", func(t *testing.T) { rapid.Check(t, func(rt *rapid.T) { testModel(rt, open(t)) }) })
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
	it, err := e.Scan(nil, nil, false)
	require.NoError(t, err)
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

// testModel compares an engine with a map.
func testModel(t *rapid.T, e store.Engine) {
	model := map[string]string{}
	key := rapid.StringN(1, 3, -1)
	for range rapid.IntRange(1, 20).Draw(t, "batches") {
		next := maps.Clone(model)
		b := e.NewBatch()
		for range rapid.IntRange(0, 8).Draw(t, "changes") {
			change(t, b, next, key)
		}
		if rapid.Bool().Draw(t, "commit") {
			require.NoError(t, b.Commit())
			model = next
		}
		require.NoError(t, b.Close())
		compare(t, e, model, key)
	}
	require.NoError(t, e.Close())
}

func change(t *rapid.T, b store.Batch, model map[string]string, key *rapid.Generator[string]) {
	k := key.Draw(t, "key")
	switch rapid.IntRange(0, 3).Draw(t, "kind") {
	case 0:
		require.NoError(t, b.Delete([]byte(k)))
		delete(model, k)
	case 1:
		upper := key.Draw(t, "upper")
		if bytes.Compare([]byte(k), []byte(upper)) > 0 {
			k, upper = upper, k
		}
		require.NoError(t, b.DeleteRange([]byte(k), []byte(upper)))
		maps.DeleteFunc(model, func(at, _ string) bool { return at >= k && at < upper })
	default:
		v := fmt.Sprint(len(model), k)
		require.NoError(t, b.Set([]byte(k), []byte(v)))
		model[k] = v
	}
}

func compare(t *rapid.T, e store.Engine, model map[string]string, key *rapid.Generator[string]) {
	k := key.Draw(t, "probe")
	v, ok := get(t, e, k)
	want, known := model[k]
	require.Equal(t, known, ok)
	require.Equal(t, want, v)
	all := slices.Sorted(maps.Keys(model))
	require.Equal(t, append([]string{}, all...), scan(t, e, nil, nil, false))
	slices.Reverse(all)
	require.Equal(t, append([]string{}, all...), scan(t, e, nil, nil, true))
}
